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
    from tests.benchmarks import programs, texts

    last = texts.text(LINES + 9)[11:23].encode()
    with programs.desk(tmp_path, LINES) as program:
        assert program.ask("prepare 100 0.1") == "3"
        program.tell("run")
        program.until(last)
        assert float(program.hear()) < 5
