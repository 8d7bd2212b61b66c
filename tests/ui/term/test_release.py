from __future__ import annotations

from typing import TYPE_CHECKING

import textual

from chronotui.ui.term.driver import release

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_release_is_the_one_textual_says() -> None:
    assert textual.__version__.startswith(f"{release()}.")


def test_without_its_folder_textual_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textual, "__file__", str(tmp_path / "textual" / "__init__.py"))
    monkeypatch.setattr(textual, "__version__", "9.1.2", raising=False)
    assert release() == "9.1"


def test_of_two_folders_neither_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("textual-8.2.8.dist-info", "textual-7.0.0.dist-info"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(textual, "__file__", str(tmp_path / "textual" / "__init__.py"))
    monkeypatch.setattr(textual, "__version__", "7.0.0", raising=False)
    assert release() == "7.0"
