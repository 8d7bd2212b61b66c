"""Putting actions on keys, the way a configuration spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chronotui.storage.config import load_config, put_keys
from chronotui.storage.config_edit import edit_config

if TYPE_CHECKING:
    from pathlib import Path

SPELLINGS = (
    "",
    '[keys]\n"log.wrap" = "W"\n',
    '[keys]\nlog.wrap = "W"\n',
    '[keys.log]\nwrap = "W"  # wide\nfollow = "F"\n',
    'keys = { log = { wrap = "W" } }\n',
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_an_action_is_put_on_keys_as_it_is_spelled(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    before = load_config(path).keys
    edit_config(path, lambda document: put_keys(document, "log.wrap", "x,f3")).write()
    assert load_config(path).keys == {**before, "log.wrap": "x,f3"}
    assert path.read_text().count("wrap") == 1
    assert ("# wide" in text) == ("# wide" in path.read_text())
