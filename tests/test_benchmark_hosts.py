"""The program the benchmarks measure starts, takes lines and shows the last one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINES = 50


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_the_desk_host_follows_what_arrives(tmp_path: Path) -> None:
    from tests.benchmarks import programs
    from tests.benchmarks.pty_program import Program
    from tests.benchmarks.screens import Replay

    environment = programs.for_ours(tmp_path)
    with Program(programs.DESK, environment=environment) as program:
        program.keep = True
        assert program.hear() == "ready"
        assert program.ask(f"fill {LINES}") == str(LINES)
        assert program.ask("show 0") == "shown"
        assert program.ask("prepare 100 0.1") == "3"
        program.tell("run")
        Replay().wait_for(program, f"[{LINES + 9:09}]")
        assert float(program.hear()) < 5
