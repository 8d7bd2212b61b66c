"""Textual's own ``Log``, told the same lines in the same batches: the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import App
from textual.widgets import Log

from tests.benchmarks import texts
from tests.benchmarks.hosting import Arrivals, Orders

if TYPE_CHECKING:
    from textual.app import ComposeResult


class LogHost(App[None]):
    """Shows a `Log` that fills the terminal and follows."""

    def compose(self) -> ComposeResult:
        yield Log()

    def on_mount(self) -> None:
        self.run_worker(self._serve())

    async def _serve(self) -> None:
        log = self.query_one(Log)
        arrivals = Arrivals(
            lambda start, stop: [texts.text(number) for number in range(start, stop)],
            log.write_lines,
        )
        orders = Orders()
        orders.say("ready")
        await orders.serve(
            fill=arrivals.at_once, prepare=arrivals.prepare, run=arrivals.run
        )


if __name__ == "__main__":
    LogHost().run()
