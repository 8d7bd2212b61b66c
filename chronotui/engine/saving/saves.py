"""All saves of one desk: several side by side, listed, each cancellable."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from chronotui.engine.watch.settings import WatchSettings
from chronotui.errors import ChronotuiError, PathRefusedError
from chronotui.storage.target import home_relative

if TYPE_CHECKING:
    from collections.abc import Callable

    from chronotui.api.chronoverse import Chronoverse
    from chronotui.core.log import Overflow
    from chronotui.engine.saving.request import SaveRequest
    from chronotui.engine.saving.save import Save


class Saves:
    """Starts saves and keeps them for the list, newest last.

    Args:
        client: The server; only used by the saves.
        spool: Makes the overflow file for logs read page by page; None takes the
            temporary folder.
        watch: How jobs are recorded; by default a recording waits for somebody to
            sign in, and for the call of ``signed_in`` then.
    """

    def __init__(
        self,
        client: Chronoverse,
        *,
        spool: Callable[[], Overflow] | None = None,
        watch: WatchSettings | None = None,
    ) -> None:
        self._client = client
        self._spool = spool
        self._watch = watch or WatchSettings()
        self._tasks: dict[Save, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[Save], None]] = []

    @property
    def all(self) -> tuple[Save, ...]:
        """Every save since the desk opened, oldest first."""
        return tuple(self._tasks)

    @property
    def recordings(self) -> tuple[Save, ...]:
        """The recordings that run."""
        return tuple(save for save in self.running if save.is_recording)

    @property
    def running(self) -> tuple[Save, ...]:
        """The saves that are not over."""
        return tuple(save for save in self._tasks if not save.is_over)

    def subscribe(self, listener: Callable[[Save], None]) -> Callable[[], None]:
        """Call ``listener`` on the event loop when a save begins and when it is over.

        Returns:
            A call that ends the subscription.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def start(self, request: SaveRequest) -> Save:
        """Begin a save and return it at once.

        Raises:
            PathRefusedError: Another running save writes to the same path.
        """
        from chronotui.engine.saving.save import Save  # noqa: PLC0415  # at the first

        save = Save(self._client, request, spool=self._spool, watch=self._watch)
        if any(other.path == save.path for other in self.running):
            raise PathRefusedError(
                f"Another save is writing {home_relative(save.path)} just now.",
                next_step="Choose another name, or wait for it.",
            )
        self._tasks[save] = asyncio.create_task(self._run(save))
        self._tell(save)
        return save

    async def _run(self, save: Save) -> None:
        # The save keeps its result or its error; the listeners show it.
        try:
            await save.run()
        except ChronotuiError:
            pass
        finally:
            self._tell(save)

    def signed_in(self) -> None:
        """Let recordings go on after somebody has signed in."""
        for save in self.running:
            save.signed_in()

    def forget(self, save: Save) -> None:
        """Drop a save that is over from the list."""
        if save.is_over:
            self._tasks.pop(save, None)

    async def close(self) -> None:
        """Stop what runs, clean up, and drop the parts nobody asked to keep.

        What recordings have so far is kept for the next ones to go on with.
        """
        for save in self.running:
            save.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for save in self._tasks:
            save.drop_part()

    def _tell(self, save: Save) -> None:
        for listener in tuple(self._listeners):
            listener(save)
