"""The footer: the keys that matter where the focus is, as many as there is room for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.binding import ActiveBinding

MORE: Final = {
    "desk.board": "board",
    "tree.text": "find",
    "log.next_error": "error",
    "desk.card": "card",
    "log.copy": "copy",
    "desk.news": "what is new",
    "desk.merged": "merged",
    "merged.details": "each job",
    "desk.alert": "alert",
    "desk.across": "across runs",
    "log.timestamps": "times",
    "log.shape": "shape",
    "log.goto": "go to",
    "log.wrap": "wrap",
    "log.bookmark": "bookmark",
    "desk.details": "details",
    "desk.zoom": "full screen",
    "tree.order": "order",
    "tree.clear": "no filter",
    "log.only_stderr": "stderr",
    "desk.refresh": "ask now",
    "desk.saves": "saves",
    "log.search_server": "server search",
    "runs.sort_next": "sort",
    "app.profiles": "profiles",
    "app.palette": "palette",
}
"""Actions that stand in the footer where there is room, by weight, with short words."""
NOW: Final = {
    "log.end": "newest",
    "log.next_match": "next match",
    "log.previous_match": "match before",
    "log.range": "give up range",
    "log.open": "in full log",
    "log.back": "back",
}
"""Words for actions that matter at times: when a node's ``keys_now`` says so."""
NOT_OF_RUNS: Final = frozenset(
    {"desk.board", "desk.news", "desk.merged", "desk.across"}
)
"""Actions that an app, which has no workflows, answers with why it has none."""
HELP: Final = "app.help"


class KeyHints(Widget):
    """``key meaning`` pairs of the bindings active at the focus.

    First what matters now, then what its widget always shows, then more of `MORE` while
    it fits; never half of a pair, and never without the last: the way to the help.
    """

    DEFAULT_CSS = """
    KeyHints {
        height: 1; background: $panel; color: $text;
        & > .key-hints--key { color: $text-accent; text-style: bold; }
        &:light > .key-hints--key { color: $text-primary; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-hints--key"}

    def __init__(self) -> None:
        super().__init__()
        self._now: tuple[str, ...] = ()

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def check(self) -> None:
        """Show what matters now, if that is not what mattered before."""
        if self._keys_now() != self._now:
            self.refresh()

    def _keys_now(self) -> tuple[str, ...]:
        focused = self.screen.focused
        nodes = focused.ancestors_with_self if focused is not None else ()
        return tuple(name for node in nodes for name in getattr(node, "keys_now", ()))

    def _pairs(self) -> Iterator[tuple[str, str]]:
        """Yield keys and words of what is bound and enabled, the weightiest first."""
        active: dict[str, ActiveBinding] = {}
        for one in self.screen.active_bindings.values():
            if one.enabled and one.binding.description:
                active.setdefault(one.binding.id or one.binding.description, one)
        plan = getattr(self.app, "plan", None)
        has_runs = plan is not None and plan.kind.capabilities.runs
        left_out = {HELP, *(NOT_OF_RUNS if has_runs else ())}
        shown = [name for name, one in active.items() if one.binding.show]
        for name in dict.fromkeys([*self._now, *shown, *MORE]):
            if name in active and name not in left_out:
                binding = active[name].binding
                words = NOW.get(name) or MORE.get(name) or binding.description.lower()
                yield self.app.get_key_display(binding), words
        if HELP in active:
            binding = active[HELP].binding
            yield self.app.get_key_display(binding), binding.description.lower()

    def render(self) -> Text:
        self._now = self._keys_now()
        style = self.get_component_rich_style("key-hints--key")
        line = Text(" ", no_wrap=True, end="")
        pairs: dict[str, Text] = {}
        for key, words in self._pairs():
            pairs.setdefault(words, Text.assemble((key, style), f" {words}  "))
        *others, last = list(pairs.values()) or [Text()]
        room = self.size.width - last.cell_len
        for pair in others:
            if line.cell_len + pair.cell_len > room:
                break
            line.append_text(pair)
        return line.append_text(last)
