"""What a terminal is shown whose encoding lacks what the desk is drawn with."""

from __future__ import annotations

import io
from pathlib import Path

from rich.cells import cell_len

import chronotui
from chronotui.ui.term.stand_ins import keys_encoding, put_in, stand_in


def test_a_stand_in_takes_as_many_cells() -> None:
    signs = set("é注🙂\u0301")
    for module in Path(chronotui.__file__).parent.rglob("*.py"):
        if "demo" not in module.parts:
            signs.update(module.read_text())
    for sign in signs:
        if not sign.isascii():
            plain = stand_in(sign)
            assert plain.isascii(), (sign, plain)
            assert cell_len(plain) == cell_len(sign), (sign, plain)


def test_what_the_encoding_has_is_written_as_it_is() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, "iso8859-1", errors="backslashreplace")
    put_in(stream)
    stream.write("▾ é · 注文 … ✓")
    stream.flush()
    assert written.getvalue().decode("iso8859-1") == "v é · ???? . y"


def test_keys_are_read_as_the_locale_has_them() -> None:
    def stream(encoding: str) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(), encoding)

    assert keys_encoding(stream("iso8859-15")) == "iso8859-15"
    assert keys_encoding(stream("ascii")) == "utf-8"
    assert keys_encoding(None) == "utf-8"
