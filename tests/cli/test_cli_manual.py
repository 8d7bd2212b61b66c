"""The manual page: all of the command line, in words that man(1) takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import chronotui
from chronotui.cli.manual import EXIT_CODES, manual
from chronotui.cli.parser import DESK, GLOBAL, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chronotui.cli.parser import Option, Verb

ROOT = Path(chronotui.__file__).parent.parent
PAGE = manual()
RENDERERS = {
    "man": ("--warnings=w", "--nj", "-l"),
    "groff": ("-man", "-Tutf8", "-ww", "-z"),
    "mandoc": ("-T", "lint", "-W", "error"),
}


def options_of(verbs: tuple[Verb, ...]) -> Iterator[Option]:
    for verb in verbs:
        yield from verb.options
        yield from options_of(verb.verbs)


def test_every_verb_and_option_stands_in_it() -> None:
    plain = PAGE.replace("\\-", "-")
    for verb in VERBS:
        assert f"\n.SS {verb.name}\n" in plain
    for option in [*GLOBAL, *DESK, *options_of(VERBS)]:
        if option.is_flag:
            assert all(rf"\fB{name}\fR" in plain for name in option.names)


def test_exit_codes_are_those_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    for code, says in EXIT_CODES.items():
        assert f"| {code} | {says} |" in readme


def test_it_is_made_by_the_standard_library_and_msgspec_alone(tmp_path: Path) -> None:
    installed = Path(msgspec.__file__).parent
    (tmp_path / "msgspec").symlink_to(installed, target_is_directory=True)
    code = f"import sys; sys.path[:0] = {[str(ROOT), str(tmp_path)]!r}; import runpy; "
    code += "runpy.run_module('chronotui.cli.manual', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, check=True
    )
    assert ended.stdout.decode() == PAGE


@pytest.mark.parametrize("program", RENDERERS)
def test_it_is_rendered_without_a_warning(tmp_path: Path, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    page = tmp_path / "chronotui.1"
    page.write_text(PAGE)
    ended = subprocess.run(
        [program, *RENDERERS[program], str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    if program == "man":
        assert "Print the log of a job" in ended.stdout
