"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
from selectors import SelectSelector
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from selectors import SelectorKey

Value = TypeVar("Value")


class _Skipping(SelectSelector):
    """Takes every pause the loop would wait for as over."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now


def run_skipping(main: Coroutine[Any, Any, Value]) -> Value:
    """Run something that sleeps but waits for nothing outside of this process."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(main)
