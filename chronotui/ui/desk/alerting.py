"""What the desk does when an alert is told: on the screen, to the terminal, by command.

And the sign on the rows that have an alert.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from chronotui.engine.alert_command import (
    AlertCommand,
    variables_of,
    without_secrets,
)
from chronotui.engine.alert_watch import AlertWatch
from chronotui.errors import own_fault
from chronotui.log.handoff import LinePlace
from chronotui.storage.alert_book import AlertBook
from chronotui.storage.settings import AlertSettings
from chronotui.times import wall_clock
from chronotui.ui.desk.status import FOR_GOOD
from chronotui.ui.standing import while_standing
from chronotui.ui.term.clipboard import way_out
from chronotui.ui.term.notice import TerminalCall

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronotui.engine.alerts import AlertNotice
    from chronotui.engine.session import Session
    from chronotui.storage.settings import Config
    from chronotui.ui.desk.screen import DeskScreen

GROUP: Final = "alerts"

TOAST_SECONDS: Final = 20.0

LOOK_FOR_KEYS: Final = 1.0
"""A title of ours is taken away so soon after a key."""


def keep_watch(desk: DeskScreen, session: Session) -> None:
    """Watch for what alerts wait for as long as a desk stands."""
    if session.alerts is None:
        told = AlertTeller(desk)
        session.alerts = told.watch(session)
        running = told.run(session, session.alerts)
        desk.run_worker(running, group=GROUP, exit_on_error=False)


def alert_of(desk: DeskScreen) -> None:
    """Show the dialog of alerts, for what is meant on a desk."""
    from chronotui.ui.alerts import NOT_YET, show_alerts

    session, (workflow, job) = desk.session, desk.meant
    if session is None:
        desk.say(NOT_YET)
        return
    keep_watch(desk, session)
    pane = desk.log_side.log_pane if desk.has_class("-in-log") else None
    pattern = "" if pane is None else pane.view.opened.search_text
    show_alerts(desk, session, workflow, job, say=desk.say, pattern=pattern)


class AlertTeller:
    """Tells events on one desk."""

    def __init__(self, desk: DeskScreen) -> None:
        self._desk = desk
        app, plan = desk.app, desk.plan
        config: Config | None = getattr(app, "config", None)
        settings = AlertSettings() if config is None else config.alerts
        profiles = [] if config is None else [*config.profiles.values()]
        self._config = config
        self._command = AlertCommand(
            settings.command,
            without_secrets(os.environ, [*profiles, plan.profile]),
            lambda words: desk.say(words, seconds=FOR_GOOD),
        )
        self._call = TerminalCall(settings, os.environ)
        self._called_at = 0.0

    def watch(self, session: Session) -> AlertWatch:
        """Return what watches, with the alerts that are kept for the profile."""
        memory = self._desk.plan.memory
        book = AlertBook(None)
        if memory is not None:
            book = AlertBook.of(self._desk.plan.profile, memory.path.parent)
        return AlertWatch(session, book, self.tell, parting=self._command.finish)

    async def run(self, session: Session, watch: AlertWatch) -> None:
        """Watch until cancelled; then give the terminal its title back."""
        watch.subscribe(while_standing(self._desk, partial(self._flag, session)))
        suspended = self._desk.app.app_suspend_signal
        suspended.subscribe(self._desk, lambda _: self._write(self._call.restored()))
        self._flag(session)
        try:
            await watch.run()
        except asyncio.CancelledError:
            raise  # the session, closed after that, waits for what tells
        except BaseException as fault:
            session.alerts = None
            words = str(own_fault("while it watched for alerts", fault))
            self._desk.say(words, seconds=FOR_GOOD)
            raise
        finally:
            session.catalog.tree.flagged = frozenset()
            self._write(self._call.restored())

    def tell(self, notices: Sequence[AlertNotice]) -> None:
        """Tell events: each in its words, the terminal called once."""
        desk = self._desk
        for notice in notices:
            desk.app.notify(
                notice.sentence,
                title="Alert",
                severity="error" if notice.is_bad else "information",
                timeout=TOAST_SECONDS,
                markup=False,
            )
            self._command.start(variables_of(notice, self._opens(notice)))
        if notices:
            worst = next((each for each in notices if each.is_bad), notices[0])
            more = f" and {len(notices) - 1} more" if len(notices) > 1 else ""
            # Toasts go by themselves, also while nobody is there to see them.
            words = f"Alert at {wall_clock(time(), desk.zone)}: {worst.sentence}"
            words += " a shows the others." if more else ""
            desk.say(words, seconds=FOR_GOOD)
            sentences = [each.sentence for each in notices]
            self._called_at = monotonic()
            # By now a terminal has said what it is, if it says so at all.
            name = getattr(desk.app._driver, "terminal_name", "")  # noqa: SLF001
            self._call.way = way_out(os.environ, name)
            self._write(self._call.call(f"{worst.headline()}{more}", sentences))
            self._look_for_keys()

    def _opens(self, notice: AlertNotice) -> str:
        """Return the command that opens the job, at the line that matched."""
        job, plan = notice.job, self._desk.plan
        line = None if notice.line is None else LinePlace.of(notice.line)
        return plan.origin(self._config, None, job).command(line)

    def _look_for_keys(self) -> None:
        """Give the terminal its title back once somebody is there."""
        if getattr(self._desk.app, "key_at", 0.0) > self._called_at:
            self._write(self._call.restored())
        elif self._call.has_title:
            self._desk.set_timer(LOOK_FOR_KEYS, self._look_for_keys)

    def _write(self, written: str) -> None:
        # Textual has no public way to write.
        driver = self._desk.app._driver  # noqa: SLF001
        if written and driver is not None:
            driver.write(written)

    def _flag(self, session: Session) -> None:
        if session.alerts is not None:
            session.catalog.tree.flagged = session.alerts.flagged
            self._desk.tree_side.tree_view.sync()
