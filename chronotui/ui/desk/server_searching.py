"""Searching where lines are not loaded yet: on the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on, work

from chronotui.errors import ChronotuiError
from chronotui.ui.desk.base import FOR_GOOD, DeskBase
from chronotui.ui.log_view import messages as log_messages

if TYPE_CHECKING:
    from chronotui.engine.watch import JobLog
    from chronotui.model import LogLine, SearchPage

SEARCHING = "search-server"


class ServerSearching(DeskBase):
    """Shows the server's hits and loads the pages around the chosen one."""

    @on(log_messages.ServerSearchWanted)
    def _wanted(self, message: log_messages.ServerSearchWanted) -> None:
        current = self.log_side.current
        if current is not None and not self.working(SEARCHING):
            self._search(current.opened.log, message.text)

    @work(group=SEARCHING)
    async def _search(self, log: JobLog, text: str) -> None:
        from chronotui.ui.server_search import ServerSearchScreen

        async def ask(query: str, cursor: str | None) -> SearchPage:
            return await log.search_server(query, cursor=cursor)

        hit = await self.app.push_screen_wait(ServerSearchScreen(ask, text))
        if hit is not None:
            await self._go_to(log, hit)

    async def _go_to(self, log: JobLog, hit: LogLine) -> None:
        from chronotui.engine.server_hits import load_hit

        self.say("Loading the pages up to the hit …", seconds=FOR_GOOD)
        try:
            key = await load_hit(log, hit)
        except ChronotuiError as error:
            self.say(str(error))
            return
        pane, current = self.log_side.log_pane, self.log_side.current
        if pane is None or current is None or current.opened.log is not log:
            self.say("")
            return
        if key is None:
            self.say("The server's search knows this line, its log has it no longer.")
            return
        from chronotui.core.log import Anchor

        view = pane.view
        view.log_changed()
        if view.opened is not None:
            view.go_to_row(view.opened.rows.locate(Anchor(key)))
        self.say("")
