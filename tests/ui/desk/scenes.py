"""States of the desk that a reader of the README would recognise.

One moment of one demo world, so the pictures in ``screenshots/`` and the snapshot
tests show the same.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, cast

from textual._context import visible_screen_stack
from textual.events import Key
from textual.keys import _character_to_key

from chronotui.demo.clock import DemoClock
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.faults import Failure, Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.server import DemoServer
from chronotui.engine.newest_lines import NewestLines
from chronotui.engine.timing import Clock, RequestBudget, WatchTiming
from chronotui.model import JobStatus
from chronotui.storage.settings import AuthSettings, Config, Profile, Secret, UiSettings
from chronotui.tree.filters import TreeFilters
from chronotui.tree.model import NodeKey
from chronotui.ui.app import DeskApp
from chronotui.ui.desk.merged import MergedScreen
from chronotui.ui.desk.plan import DeskPlan
from chronotui.ui.log import ViewSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from textual.pilot import Pilot

    from chronotui.engine.job_log import LogState
    from chronotui.engine.session import Session
    from chronotui.model import Job
    from chronotui.sources.protocol import Source

MOMENT = datetime(2026, 3, 3, 10, 12, 44, tzinfo=UTC)
LONGEST_SECONDS = 60.0
CALM_CHECKS = 5
CHARACTERS = {"slash": "/", "question_mark": "?", "space": " "}


def still_server(**options: object) -> DemoServer:
    """Return a demo server whose world stands still at the moment."""
    clock = DemoClock(start_ns=int(MOMENT.timestamp()) * 1_000_000_000, speed=0)
    options.setdefault("faults", Faults(retention_lag=(0.0, 0.0)))
    options.setdefault("page_size", 500)
    return DemoServer(clock=clock, **options)  # type: ignore[arg-type]


def still_app(**options: object) -> DifyDemo:
    """Return a demo server of an app whose world stands still at the moment."""
    clock = DemoClock(start_ns=int(MOMENT.timestamp()) * 1_000_000_000, speed=0)
    return DifyDemo(clock=clock, **options)  # type: ignore[arg-type]


def auth_for(server: DemoServer | DifyDemo) -> AuthSettings:
    """Return what a server takes: a login, or where documented a token and cookie."""
    if isinstance(server, DifyDemo):
        return AuthSettings(method="bearer", token=Secret(server.key))
    if server.dialect is Dialect.CURRENT:
        return AuthSettings(email=server.email, password=Secret(server.password))
    session, _csrf = server.open_session()
    return AuthSettings(
        method="bearer", token=Secret(server.token), session=Secret(session)
    )


def desk_on(
    server: DemoServer | DifyDemo,
    *,
    save_folder: Path = Path("/tmp"),
    **changes: object,
) -> DeskApp:
    """Return a desk on a demo server, with the moment's clock and zone."""
    profile = Profile(
        name="demo",
        kind=server.kind,
        url=server.url,
        poll_seconds=0.5,
        auth=auth_for(server),
    )
    changes.setdefault("timing", WatchTiming(quiet_after=3600.0))
    plan = DeskPlan(
        profile,
        save_folder,
        ui=UiSettings(),
        view_settings=ViewSettings(zone="utc"),
        now=lambda: MOMENT,
        **changes,  # type: ignore[arg-type]
    )
    return DeskApp(plan, Config(Path("/dev/null")))


async def until(
    pilot: Pilot[int], holds: Callable[[], bool], *, settle: bool = True
) -> None:
    """Let the desk work until something holds, and settle unless it is leaving."""
    deadline = monotonic() + LONGEST_SECONDS
    while not holds():
        assert monotonic() < deadline, shown(pilot)
        # What is looked at is often all of the screen, which is dear to draw.
        await asyncio.sleep(0.06)
    if settle:
        await pilot._wait_for_screen()


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys one after the other, each settled before the next.

    ``Pilot.press`` waits for an idle process instead, which a server in the same
    process puts off by a second a key.
    """
    for key in keys:
        character = key if len(key) == 1 else CHARACTERS.get(key)
        name = _character_to_key(character) if character else key
        pilot.app.post_message(Key(name, character))
        for _hop in ("to the widget", "up to the binding", "what it caused"):
            passed = asyncio.Event()
            pilot.app.call_later(passed.set)
            await passed.wait()
            await pilot._wait_for_screen()


async def settled(pilot: Pilot[int]) -> None:
    """Let the desk work until nothing on it has changed for a while."""
    before, calm = "", 0
    deadline = monotonic() + LONGEST_SECONDS
    while calm < CALM_CHECKS:
        # The runner's own time limit would leave the app running: it is no Exception.
        assert monotonic() < deadline, before
        session = desk(pilot).desk.session
        readers = session.catalog._readers.values() if session is not None else ()
        reads = any(one.wants_more or one.task is not None for one in readers)
        reads = reads or not is_swept(pilot) or not is_told(pilot)
        now = shown(pilot)
        calm = 0 if reads or now != before else calm + 1
        before = now
        await pilot._wait_for_screen()
        await asyncio.sleep(0.06)


def is_swept(pilot: Pilot[int]) -> bool:
    """Tell whether all workflows were read, where the server answers at all."""
    session = desk(pilot).desk.session
    if session is None or session.fleet is None or not session.catalog.answered:
        return True
    fleet = session.fleet
    only = fleet._wish.only
    if only is not None and any(fleet.fits(w, only) is None for w in fleet._wish.ids):
        return False
    return fleet.progress[1] is not None and not fleet.is_sweeping


def is_told(pilot: Pilot[int]) -> bool:
    """Tell whether all was read that details tell of a workflow."""
    session = desk(pilot).desk.session
    recent = None if session is None else session.recent_runs
    looked_at = None if recent is None else recent._wanted
    if recent is not None and looked_at is not None and recent._lacks(looked_at.id):
        return False
    if session is None or session.notices is None or not session.notices._wanted:
        return True
    told = session.notices.of(session.notices._wanted)
    return told.is_read and (told.unread is not None or told.problem != "")


def desk(pilot: Pilot[int]) -> DeskApp:
    """Return the desk a pilot flies."""
    app = pilot.app
    assert isinstance(app, DeskApp)
    return app


def shown(pilot: Pilot[int]) -> str:
    """Return what the screen shows, a line a row."""
    # As the app does before it paints: a dialog draws the screens below it.
    visible_screen_stack.set(pilot.app._background_screens)
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(s.text for s in strip).rstrip() for strip in strips)


async def until_shown(pilot: Pilot[int], text: str) -> str:
    """Let the desk work until its screen shows a text; returns the screen."""
    await until(pilot, lambda: text in shown(pilot))
    return shown(pilot)


@dataclass(frozen=True)
class Scene:
    """A state of the desk: how to get there, and the size of its picture."""

    name: str
    title: str
    script: Callable[[Pilot[int]], Awaitable[None]]
    size: tuple[int, int] = (120, 36)
    faults: Faults = field(default_factory=lambda: Faults(retention_lag=(0.0, 0.0)))
    is_app: bool = False

    def server(self) -> DemoServer | DifyDemo:
        """Return the server it plays on."""
        return still_app() if self.is_app else still_server(faults=self.faults)

    async def play(self, pilot: Pilot[int]) -> None:
        """Get there, and wait until nothing moves."""
        await self.script(pilot)
        await settled(pilot)


def is_read_back(state: LogState | None) -> bool:
    """Tell whether a log was read as far back as is wanted."""
    return state is not None and state.at_end and state.lines > 0 and not state.filling


async def unfold_report(pilot: Pilot[int]) -> None:
    """Show the jobs of the first workflow; its second one took 2:05 and failed."""
    await until_shown(pilot, "nightly-report")
    await press(pilot, "enter")
    await until_shown(pilot, "2:05")


async def live(pilot: Pilot[int]) -> None:
    """Follow the report that is running."""
    await unfold_report(pilot)
    await press(pilot, "j", "enter")
    await until_shown(pilot, "0 missing")
    # Its second attempt's numbers are below the first one's: it is read back to them.
    await until(pilot, lambda: is_read_back(desk(pilot).desk.log_side.state))


async def history(pilot: Pilot[int]) -> None:
    """Read back in the one that failed before it."""
    await unfold_report(pilot)
    await press(pilot, "j", "j", "enter")
    await until_shown(pilot, "ended FAILED")
    await settled(pilot)
    await press(pilot, "pageup", "k", "k", "k")
    await until_shown(pilot, "line ")


async def searching(pilot: Pilot[int]) -> None:
    """Search the log, other lines staying."""
    await history(pilot)
    await settled(pilot)
    await press(pilot, "slash")
    await settled(pilot)
    await press(pilot, *"bad row")
    await settled(pilot)
    await press(pilot, "enter")
    await until_shown(pilot, " of ")


async def shape(pilot: Pilot[int]) -> None:
    """Show when there were lines, warnings and errors, and go to one of them."""
    await history(pilot)
    await press(pilot, "i")
    await until_shown(pilot, "▲")
    await press(pilot, "E", "E", "E")
    pane = desk(pilot).desk.log_side.log_pane
    assert pane is not None
    await until(
        pilot, lambda: pane.shape.shape.complete and "reading" not in shown(pilot)
    )
    await settled(pilot)


async def save_dialog(pilot: Pilot[int]) -> None:
    """Ask what to save."""
    await history(pilot)
    await press(pilot, "s")
    await until_shown(pilot, "new file")


async def filtered(pilot: Pilot[int]) -> None:
    """Show only failed jobs."""
    await unfold_report(pilot)
    tree = desk(pilot).desk.tree_side
    tree.set_filters(TreeFilters(status=JobStatus.FAILED))
    await until(pilot, lambda: is_swept(pilot) and "hidden" in shown(pilot))
    await until(pilot, lambda: "● b" not in shown(pilot))


async def failing(pilot: Pilot[int]) -> None:
    """Say in one sentence why there is no tree."""
    await until_shown(pilot, "✗")
    session = desk(pilot).desk.session
    assert session is not None
    # The countdown stands still for the picture.
    session.catalog.seconds_to_next = lambda: 8.0  # type: ignore[method-assign]
    await until_shown(pilot, "in 8 s")


async def details(pilot: Pilot[int]) -> None:
    """Show every field of a job."""
    await unfold_report(pilot)
    await press(pilot, "j", "j")
    await until_shown(pilot, "attempts")


async def no_log(pilot: Pilot[int]) -> None:
    """Say why there is nothing to show."""
    await until_shown(pilot, "heartbeat-api")
    tree = desk(pilot).desk.tree_side.tree_view
    heartbeat = next(
        branch.workflow.id
        for branch in tree.model.branches()
        if branch.workflow.name == "heartbeat-api"
    )
    tree.model.select(NodeKey.workflow(heartbeat))
    tree.sync()
    await press(pilot, "enter")
    branch = tree.model.branch(heartbeat)
    assert branch is not None
    await until(pilot, lambda: len(branch.listing) > 0)
    await press(pilot, "j", "enter")
    await until_shown(pilot, "No log")


async def help_screen(pilot: Pilot[int]) -> None:
    """Show the keys."""
    await live(pilot)
    await press(pilot, "question_mark")
    await until_shown(pilot, "esc closes")


async def merged(pilot: Pilot[int]) -> None:
    """Watch all that runs, by time."""
    await until_shown(pilot, "nightly-report")
    await until(pilot, lambda: is_swept(pilot))
    await press(pilot, "M")
    await until_shown(pilot, "4 jobs merged by time")
    screen = desk(pilot).screen
    assert isinstance(screen, MergedScreen)
    jobs = screen._merged.jobs
    await until(pilot, lambda: all(is_read_back(each.state) for each in jobs))
    await settled(pilot)
    await press(pilot, "k", "k")
    await until_shown(pilot, "line ")


async def a_failed_run(pilot: Pilot[int]) -> None:
    """Open a run that failed: what is kept of it."""
    await select_run(pilot, JobStatus.FAILED)
    await press(pilot, "enter")
    await until_shown(pilot, "ENDED")
    await until_shown(pilot, "Run failed")


async def run_details(pilot: Pilot[int]) -> None:
    """Show what a run was given and what came of it."""
    await select_run(pilot, JobStatus.COMPLETED)
    await until_shown(pilot, "Outputs")


async def run_table(pilot: Pilot[int]) -> None:
    """Show the list of runs as a table, the longest first."""
    await until_shown(pilot, "of 1,2")
    await press(pilot, "H", "greater_than_sign", "greater_than_sign")
    await until_shown(pilot, "sorted by")


async def board(pilot: Pilot[int]) -> None:
    """Show what runs and what failed over all workflows."""
    await board_of_the_moment(pilot)
    session = desk(pilot).desk.session
    assert session is not None
    fleet, wall = session.fleet, MOMENT.timestamp()
    assert fleet is not None
    fleet._budget = RequestBudget(600)
    await until(pilot, lambda: all(not each.behind(wall) for each in fleet._list))
    await press(pilot, "B")
    await until_shown(pilot, "running")
    await until(
        pilot, lambda: all(told_of(session, job) for job in session.board.running())
    )
    # What grows by itself stands still for the picture.
    fleet.age = lambda _id: 8.0  # type: ignore[method-assign,assignment]
    fleet._budget.spent = lambda _now: 31  # type: ignore[method-assign,assignment]
    await until_shown(pilot, "31 of 60")


async def board_of_the_moment(pilot: Pilot[int]) -> None:
    """Have all workflows read, at the time of the world."""
    await until(pilot, lambda: desk(pilot).desk.session is not None)
    session = desk(pilot).desk.session
    assert session is not None
    fleet = session.fleet
    assert fleet is not None
    clock = Clock(wall=MOMENT.timestamp)
    fleet._clock = clock
    session.__dict__["newest_lines"] = NewestLines(
        cast("Source", session.client), fleet, clock=clock
    )
    await until(pilot, lambda: session.catalog.answered and is_swept(pilot))


def told_of(session: Session, job: Job) -> bool:
    """Tell whether the newest line of a job is known, and nothing more comes.

    Of one that is tried again the retained log tells its attempt before alone.
    """
    assert session.newest_lines is not None
    newest = session.newest_lines.newest(job, None)
    is_told = newest.message is not None or (job.attempts or 1) > 1
    return is_told and newest.is_live and not newest.rate


async def select_run(pilot: Pilot[int], status: JobStatus) -> None:
    """Select the newest run that ended so."""
    await until_shown(pilot, "of 1,2")
    tree = desk(pilot).desk.tree_side.tree_view
    (branch,) = tree.model.branches()
    found = next(each for each in branch.jobs if each.status == status)
    tree.model.select(NodeKey.job(branch.workflow.id, found.id))
    tree.show_selected()


async def across(pilot: Pilot[int]) -> None:
    """Show where the runs of a workflow say something, and since when."""
    await until_shown(pilot, "nightly-report")
    await press(pilot, "R", *"gave", "space", *"up", "enter")
    await until_shown(pilot, "done")
    await press(pilot, "w")
    await until_shown(pilot, "looked at.")


SCENES = (
    Scene("live", "Following a running job", live),
    Scene("history", "Reading back in a failed job", history),
    Scene("search", "Searching, with the count", searching),
    Scene("shape", "When it said how much, and where it failed", shape),
    Scene("save", "The save dialog over the log", save_dialog),
    Scene("filtered", "Only failed jobs", filtered),
    Scene("details", "Every field of a job", details),
    Scene("no-log", "Why there is nothing to show", no_log),
    Scene(
        "failing",
        "A proxy answers in the server's place",
        failing,
        faults=Faults(fail_rate=1.0, fail_with=(Failure.HTML_502,)),
    ),
    Scene("board", "What runs and what failed, over all workflows", board, (120, 40)),
    Scene("live-80", "Following at 80×24", live, (80, 24)),
    Scene("help", "The keys", help_screen, (100, 40)),
    Scene("across", "Every run that gave up", across, (120, 40)),
    Scene("merged", "Four jobs merged by time", merged, (120, 40)),
    Scene("run", "What is kept of a run that failed", a_failed_run, is_app=True),
    Scene("run-details", "What came of a run", run_details, is_app=True),
    Scene("runs-80", "The runs of an app", run_table, (80, 24), is_app=True),
)
