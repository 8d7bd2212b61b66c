"""The tables of keys: the README's for who begins, KEYS.md for everything.

``python -m tests.docs.key_table`` writes both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chronotui.ui.keys import GROUPS, desk_actions, spell

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
KEYS: Final = ROOT / "chronotui" / "KEYS.md"
BEGIN: Final = "<!-- keys:begin -->\n"
END: Final = "<!-- keys:end -->"

TAUGHT: Final = (
    *("tree.open", "desk.switch", "desk.back", "tree.filters", "desk.board"),
    *("log.end", "log.start", "log.goto", "desk.zoom"),
    *(
        "log.search",
        "log.next_match",
        "log.filter",
        "log.only_stderr",
        "log.both_streams",
    ),
    *("log.next_error", "log.shape", "desk.card", "desk.news", "desk.across"),
    *("log.timestamps", "log.wrap", "log.json", "log.bookmark"),
    *("desk.mark", "desk.merged", "desk.alert"),
    *("log.copy", "log.range", "desk.hand_over", "desk.save", "desk.saves"),
    *("desk.refresh", "app.interrupt", "app.quit"),
)
"""What a first day on the desk needs, in the order in which it comes up."""

HEAD: Final = """# Keys

Every key of the desk, by what one wants to do. The name is what `[keys]` in the
configuration calls it. Written by `python -m tests.docs.key_table`.

"""


def first_keys() -> str:
    """Return the README's table."""
    by_id = {action.id: action for action in desk_actions()}
    lines = ["| keys | where | what |", "|---|---|---|"]
    for name in TAUGHT:
        action = by_id[name]
        lines.append(f"| {_keys(action.keys)} | {action.group} | {action.meaning} |")
    return "\n".join(lines) + "\n"


def all_keys() -> str:
    """Return KEYS.md: the desk, not its dialogs."""
    lines = ["| to | where | keys | what | name |", "|---|---|---|---|---|"]
    places = list(GROUPS.values())
    ranked = sorted(desk_actions(), key=lambda one: (one.rank, places.index(one.group)))
    for action in ranked:
        keys = _keys(action.keys)
        cells = (action.purpose, action.group, keys, action.meaning, action.id)
        lines.append(f"| {' | '.join(cells)} |")
    return HEAD + "\n".join(lines) + "\n"


def written(readme: str) -> str:
    """Return the README with the table of now."""
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{first_keys()}{END}{after}"


def _keys(keys: tuple[str, ...]) -> str:
    return " ".join(f"`{spell(key)}`" for key in keys)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(written(text), encoding="utf-8")
    KEYS.write_text(all_keys(), encoding="utf-8")
