"""Keys in the order they were typed, also when many come in one read."""

from __future__ import annotations

from textual.app import App, ReturnType
from textual.events import Event, Key
from textual.widgets import Input


class TypedAhead(App[ReturnType]):
    """Obeys a key before it looks where the next one belongs.

    Textual hands a key to the widget in focus, and obeys its binding when it has
    come back up through all parents. Keys that came with it, as over a slow line,
    are in the first widget's queue by then: of ``/timeout`` pasted into a log, the
    prompt that opens would get nothing.
    """

    async def on_event(self, event: Event) -> None:
        """Obey a key at once; what is neither typed nor bound is Textual's."""
        if isinstance(event, Key) and not event.is_forwarded:
            first = await self._check_bindings(event.key, priority=True)
            if first or self._type(event) or await self._check_bindings(event.key):
                return
        await super().on_event(event)

    def _type(self, event: Key) -> bool:
        """Put a character into the input in focus, as the input itself does."""
        place = self.focused
        if not isinstance(place, Input) or not event.is_printable:
            return False
        if place.selection.is_empty:
            place.insert_text_at_cursor(event.character or "")
        else:
            place.replace(event.character or "", *place.selection)
        return True
