from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from chronotui import __version__
from chronotui.cli.parser import VERBS, settled, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.cli.parser import Verb

    from .conftest import Command


def _paths() -> Iterator[tuple[str, ...]]:
    def below(path: tuple[str, ...], verb: Verb) -> Iterator[tuple[str, ...]]:
        yield (*path, verb.name)
        for inner in verb.verbs:
            yield from below((*path, verb.name), inner)

    for verb in VERBS:
        yield from below((), verb)


def test_the_version_is_the_packages(run: Command) -> None:
    assert run("--version").out == f"chronotui {__version__}\n"


def test_help_names_every_command(run: Command) -> None:
    ended = run("--help")
    assert ended.code == 0
    assert all(f"  {verb.name} " in ended.out for verb in VERBS)


@pytest.mark.parametrize("said", [None, "", "0", "-3", "x", "33", "200"])
@pytest.mark.parametrize("told", [None, 0, 61])
def test_help_is_as_wide_as_the_terminal(
    monkeypatch: pytest.MonkeyPatch, said: str | None, told: int | None
) -> None:
    def size(_file: int) -> os.terminal_size:
        if told is None:
            raise OSError
        return os.terminal_size((told, 9))

    monkeypatch.setattr(os, "get_terminal_size", size)
    monkeypatch.delenv("COLUMNS", raising=False)
    if said is not None:
        monkeypatch.setenv("COLUMNS", said)
    assert terminal_columns() == shutil.get_terminal_size().columns
    monkeypatch.setattr(sys, "__stdout__", None)
    assert terminal_columns() == shutil.get_terminal_size().columns


@pytest.mark.parametrize("path", _paths(), ids=" ".join)
def test_every_command_has_its_help(run: Command, path: tuple[str, ...]) -> None:
    ended = run(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"usage: chronotui {' '.join(path)} ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_command(run: Command, shell: str) -> None:
    script = run("completion", shell).out
    assert all(verb.name in script for verb in VERBS)
    assert "--log-file" in script or "log-file" in script
    command = shutil.which(shell)
    if command is not None:
        checked = subprocess.run([command, "-n"], input=script, text=True, check=False)
        assert checked.returncode == 0


@pytest.mark.parametrize(
    ("words", "settled_as"),
    [
        ("logs W -f J --since -15m", "logs -f --since=-15m W J"),
        ("--profile p logs -fo jsonl W J", "--profile=p logs -fojsonl W J"),
        ("logs -ojsonl W J", "logs -ojsonl W J"),
        ("profile add x --url -y", "profile add --url=-y x"),
        ("jobs W --limit", "jobs W --limit"),
        ("jobs W --limit --status S", "jobs --limit --status=S W"),
        ("logs W -- -j -f", "logs W -- -j -f"),
        ("runs --since --until", "runs --since --until"),
    ],
)
def test_a_value_may_begin_with_a_minus(words: str, settled_as: str) -> None:
    assert " ".join(settled(words.split())) == settled_as


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--profle x", "there is no option --profle here; the nearest is --profile\n"),
        ("logs W J --line 3", "there is no option --line here"),
        ("logs W J --tial=3", "no option --tial here; the nearest is --tail\n"),
        ("profile add x --quux", "there is no option --quux here\n"),
        ("grep -x W", "there is no option -x here; an argument that begins with a"),
    ],
)
def test_an_unknown_option_is_named_and_the_nearest(
    run: Command, words: str, said: str
) -> None:
    ended = run(*words.split())
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 3


def test_a_value_may_be_empty() -> None:
    assert settled(["save", "W", "J", "-O", ""]) == ["save", "-O", "", "W", "J"]


def valued_options() -> Iterator[tuple[tuple[str, ...], str]]:
    for path in _paths():
        verb = next(each for each in VERBS if each.name == path[0])
        for word in path[1:]:
            verb = next(each for each in verb.verbs if each.name == word)
        for option in [*verb.options, *verb.inherited]:
            if option.is_flag and option.takes_value:
                yield from ((path, name) for name in option.names)


def test_every_option_takes_a_value_with_a_minus() -> None:
    for path, name in valued_options():
        taken = f"{name}=-9q" if name.startswith("--") else f"{name}-9q"
        assert settled([*path, "a", name, "-9q", "b"]) == [*path, taken, "a", "b"]


def test_a_value_that_lacks_is_said(run: Command) -> None:
    for argv in (["jobs", "W", "--limit"], ["jobs", "--status", "--limit", "3", "W"]):
        ended = run(*argv)
        assert ended.code == 2
        assert "expected one argument" in ended.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("chronotui wor", {"workflows"}),
        ("chronotui jobs x --st", {"--status"}),
        ("chronotui jobs x --status RUN", {"RUNNING"}),
        ("chronotui profile re", {"remove"}),
        ("chronotui profile add x --met", {"--method"}),
        ("chronotui --profile p logs a b --stream ", {"stdout", "stderr"}),
        ("chronotui completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_bash_completes(run: Command, line: str, offered: set[str]) -> None:
    words = line.split(" ")
    script = run("completion", "bash").out + (
        f"COMP_WORDS=({' '.join(words[:-1])} '{words[-1]}')\n"
        f"COMP_CWORD={len(words) - 1}\n_chronotui\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    ended = subprocess.run(
        ["bash"], input=script, capture_output=True, text=True, check=True
    )
    got = set(ended.stdout.split())
    if words[-1]:
        assert got == offered
    else:
        assert offered <= got
