"""The README's table of keys: what one wants to do, where, and with which keys.

``python -m tests.docs.key_table`` writes it into the README.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chronotui.ui.keys import GROUPS, desk_actions, spell

README: Final = Path(__file__).parents[2] / "README.md"
BEGIN: Final = "<!-- keys:begin -->\n"
END: Final = "\n<!-- keys:end -->"


def key_table() -> str:
    """Return the table as the README must show it: the desk, not its dialogs."""
    lines = ["| to | where | keys | what | name |", "|---|---|---|---|---|"]
    places = list(GROUPS.values())
    ranked = sorted(desk_actions(), key=lambda one: (one.rank, places.index(one.group)))
    for action in ranked:
        keys = " ".join(f"`{spell(key)}`" for key in action.keys)
        cells = (action.purpose, action.group, keys, action.meaning, action.id)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def written(readme: str) -> str:
    """Return the README with the table of now."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{key_table()}{END}{after}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(written(text), encoding="utf-8")
