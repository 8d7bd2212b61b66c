"""What the README says is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from chronotui.storage.config import load_config
from chronotui.ui.keys import all_actions
from tests.docs.key_table import KEYS, all_keys, written

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_key_tables_are_the_bindings() -> None:
    assert written(README) == README, "run python -m tests.docs.key_table"
    assert KEYS.read_text(encoding="utf-8") == all_keys()


def test_the_files_it_points_at_exist() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_profile_example_loads(tmp_path: Path) -> None:
    example = _blocks("toml")[0]
    path = tmp_path / "config.toml"
    path.write_text(example, encoding="utf-8")
    config = load_config(path)
    config.check_key_names(action.id for action in all_actions())
    assert config.profiles["prod"].auth.email == "oncall@example.com"
    assert config.default_profile == tomllib.loads(example)["default_profile"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    demo, tests = (block.strip() for block in _blocks("sh")[:2])
    assert demo.endswith("chronotui demo")
    assert tests.endswith("-m pytest")
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
