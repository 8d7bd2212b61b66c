"""What the README says is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from chronotui.storage.config import load_config
from chronotui.ui.keys import GROUPS, all_actions, desk_actions, spell

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def key_table() -> str:
    """Return the key table as the README must show it: the desk, not its dialogs."""
    lines = ["| where | keys | what | name |", "|---|---|---|---|"]
    for group in GROUPS.values():
        for action in desk_actions():
            if action.group == group:
                keys = " ".join(f"`{spell(key)}`" for key in action.keys)
                lines.append(f"| {group} | {keys} | {action.meaning} | {action.id} |")
    return "\n".join(lines)


def test_the_key_table_is_the_bindings() -> None:
    shown = README.split("<!-- keys:begin -->")[1].split("<!-- keys:end -->")[0]
    assert shown.strip() == key_table()


def test_the_profile_example_loads(tmp_path: Path) -> None:
    example = _blocks("toml")[0]
    path = tmp_path / "config.toml"
    path.write_text(example, encoding="utf-8")
    config = load_config(path)
    config.check_key_names(action.id for action in all_actions())
    assert config.profiles["prod"].auth.email == "oncall@example.com"
    assert config.default_profile == tomllib.loads(example)["default_profile"]


def test_the_pictures_exist() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).is_file(), picture


def test_ci_runs_the_test_command_of_the_readme() -> None:
    demo, tests = (block.strip() for block in _blocks("sh")[:2])
    assert demo.endswith("chronotui demo")
    assert tests.endswith("-m pytest")
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
