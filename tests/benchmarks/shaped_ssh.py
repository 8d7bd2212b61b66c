"""Real OpenSSH over a link of so many bits a second: two namespaces, ``tc … tbf``.

What runs at the far end finds itself on this machine, with another network. It takes
root, ``ip``, ``tc``, ``ssh`` and ``sshd``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NEAR, FAR = "10.77.177.1", "10.77.177.2"
PORT: Final = 2277
SPACE: Final = f"chronotui-{os.getpid()}"
BURST_BYTES = 4096
"""What passes at once before the rate holds."""

SERVER: Final = """
Port {port}
ListenAddress {far}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
StrictModes no
PermitRootLogin yes
UsePAM no
PidFile none
"""


def lacking() -> str:
    """Return what is not here for a link of this kind, "" if all is."""
    programs = (*("ip", "tc", "ssh", "ssh-keygen", "tmux"), "/usr/sbin/sshd")
    missing = [each for each in programs if not shutil.which(each)]
    if missing or os.geteuid():
        return ", ".join(missing) or "root"
    made = subprocess.run(
        ["ip", "netns", "add", SPACE], check=False, capture_output=True
    )
    if made.returncode:
        return "network namespaces"
    _run("ip", "netns", "del", SPACE)
    return ""


@contextmanager
def shaped(folder: Path, kilobits: int) -> Iterator[list[str]]:
    """Open the link; yields the command that runs one at the far end, in a terminal.

    Args:
        folder: For the keys.
        kilobits: What passes a second, each way.
    """
    for name in ("host", "user"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    config = folder / "sshd_config"
    config.write_text(SERVER.format(port=PORT, far=FAR, folder=folder))
    Path("/run/sshd").mkdir(exist_ok=True)
    _run("ip", "netns", "add", SPACE)
    try:
        _link(kilobits)
        with far("/usr/sbin/sshd", "-D", "-f", str(config)):
            command = [
                *("ssh", "-tt", "-q", "-p", str(PORT), "-i", str(folder / "user")),
                *("-o", "StrictHostKeyChecking=no"),
                *("-o", "UserKnownHostsFile=/dev/null"),
                f"root@{FAR}",
            ]
            _await_answer([*command[:1], "-T", *command[2:], "true"])
            yield command
    finally:
        _run("ip", "netns", "del", SPACE)


@contextmanager
def far(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run something at the far end; its output can be read."""
    started = subprocess.Popen(
        ["ip", "netns", "exec", SPACE, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def _link(kilobits: int) -> None:
    near, there = f"cn{os.getpid()}", f"cf{os.getpid()}"
    _run("ip", "link", "add", near, "type", "veth", "peer", there, "netns", SPACE)
    inside = ("ip", "netns", "exec", SPACE)
    for where, name, address in (((), near, NEAR), (inside, there, FAR)):
        _run(*where, "ip", "address", "add", f"{address}/30", "dev", name)
        _run(*where, "ip", "link", "set", name, "up")
        shape = ("tbf", "rate", f"{kilobits}kbit", "burst", str(BURST_BYTES))
        queue = ("latency", "400ms")
        _run(*where, "tc", "qdisc", "add", "dev", name, "root", *shape, *queue)
    _run(*inside, "ip", "link", "set", "lo", "up")


def _await_answer(command: list[str]) -> None:
    deadline = monotonic() + 30.0
    while subprocess.run(command, check=False, capture_output=True).returncode:
        assert monotonic() < deadline, "sshd does not answer"
        sleep(0.2)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
