"""The command that runs through real proxies says what it could not run."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

from tests import peers
from tests.peer_tools import TOOLS, Tool

if TYPE_CHECKING:
    from pathlib import Path

    from chronotui.demo.server import DemoServer


def test_where_nothing_is_installed_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers.Peer, "path", None)
    monkeypatch.setattr(Tool, "lacking", "it")
    assert peers.main([]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        *(
            f"skipped {peer.name}: {peer.program} is not installed"
            for peer in peers.PEERS
        ),
        *(f"skipped {tool.name}: it is not installed" for tool in peers.OTHERS),
        "no peer ran",
    ]


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_a_proxy_is_started_before_a_server_and_ended(
    demo: DemoServer, peer: peers.Peer
) -> None:
    if peer.path is None:
        pytest.skip(f"{peer.program} is not installed")
    proxy = peers.Running(peer, demo.port)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
        connection.request("GET", "/workflows")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (401, b"invalid or expired session\n")
        connection.close()
        assert demo.requests.count("workflows") == 1
    finally:
        proxy.end()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10).connect()


def test_a_proxy_that_does_not_run_says_why(demo: DemoServer) -> None:
    broken = peers.Peer("broken", "false", "", ())
    if broken.path is None:
        pytest.skip("there is no program called false")
    with pytest.raises(RuntimeError, match="it ended at once"):
        peers.Running(broken, demo.port)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_takes_what_is_ours(tmp_path: Path, tool: Tool) -> None:
    if tool.lacking:
        pytest.skip(f"{tool.lacking} is not installed")
    assert tool.check(tmp_path) == ""
