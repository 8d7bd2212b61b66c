"""Actions from the desk: the question before, what comes of it, what was asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, cast

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from chronotui.engine.actions import (
    START,
    TERMINATING,
    Actions,
    UnfinishedJobs,
    audit_line,
    cautions,
    is_askable,
    is_its_name,
    named,
    outcome_words,
)
from chronotui.errors import ChronotuiError
from chronotui.storage.action_journal import ActionOutcome, AskedAction
from chronotui.text import clean, plural
from chronotui.times import local_time
from chronotui.ui.desk.board import BoardScreen, show_board
from chronotui.ui.desk.log_side import has_worker, start_worker
from chronotui.ui.desk.meant import MeantJob
from chronotui.ui.desk.status import FOR_GOOD
from chronotui.ui.dialogs import ANSWER_MOVES, LIST_MOVES, Dialog, Question, key_time
from chronotui.ui.standing import stands

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult

    from chronotui.engine.session import Session
    from chronotui.model import Job, Workflow
    from chronotui.ui.app import DeskApp
    from chronotui.ui.desk.screen import DeskScreen

ACTION: Final = "action"
ASKING: Final = "unanswered"
LISTING: Final = "actions"
LOOKING: Final = "looking"
ENDING: Final = "ending"
LONG_SECONDS: Final = 30.0
MOST_LISTED: Final = 200
FROM_DESK: Final = "esc to the desk, then F7: enter there opens the job."
NO_WAY_ON: Final = "no job to open, nothing to ask again"
NOTHING_MEANT: Final = "No workflow is meant here: go to a row or a line of one first."
SIGNS: Final = {
    ActionOutcome.DONE: "✓",
    ActionOutcome.REFUSED: "✗",
    ActionOutcome.LEFT: "–",
}


class LookedAt(NamedTuple):
    """What is to be known of a workflow before anything of it is changed."""

    workflow: Workflow
    unanswered: Sequence[AskedAction] = ()
    unfinished: UnfinishedJobs = UnfinishedJobs(())
    unread: Sequence[str] = ()


class LookingDialog(Dialog["LookedAt | ChronotuiError | None"]):
    """Says that a workflow is read, and answers with what was seen of it.

    It takes the keys meanwhile: what is typed goes nowhere, esc ends the reading.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "stop", id="change.stop"),
    ]

    def __init__(
        self, workflow: Workflow, look: Callable[[], Awaitable[LookedAt]]
    ) -> None:
        super().__init__()
        self._name = clean(workflow.shown_name)
        self._look = look
        self._found: LookedAt | ChronotuiError | None = None

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f"Looking at {self._name} …")
            yield Static("Nothing is changed before you say so. esc stops.")

    def on_mount(self) -> None:
        start_worker(self, LOOKING, self._read)

    def on_screen_resume(self) -> None:
        self._answer()

    async def _read(self) -> None:
        try:
            self._found = await self._look()
        except ChronotuiError as error:
            self._found = error
        self._answer()

    def _answer(self) -> None:
        if self._found is not None and self.is_current:
            self.dismiss(self._found)


class ChangeQuestion(Question[bool]):
    """Answers whether something is done now.

    Args:
        title: The question, cleaned.
        paragraphs: What to know before, cleaned.
        yes: What is done, in two or three words.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n,q", "answer(0)", "not now", id="change.not_now"),
        Binding("y", "answer(1)", "do it", id="change.do_it"),
        *ANSWER_MOVES,
    ]

    def __init__(self, title: str, paragraphs: Sequence[str], yes: str) -> None:
        answers = ((False, "Not now (n)"), (True, f"{yes} (y)"))
        super().__init__(title, paragraphs, answers)
        self.asked_at = key_time()


class TerminateDialog(Dialog[bool]):
    """Answers whether a workflow is terminated: its name has to be typed.

    Args:
        workflow: As it was just read.
        unfinished: Those of its jobs that run or wait.
    """

    DEFAULT_CSS = """
    TerminateDialog > Vertical { border: round $error; }
    TerminateDialog Input { margin: 1 0; }
    TerminateDialog #note { color: $text-error; }
    """
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "not now", id="change.leave"),
    ]

    def __init__(self, workflow: Workflow, unfinished: UnfinishedJobs) -> None:
        super().__init__()
        self._workflow = workflow
        self._name = clean(workflow.shown_name)
        self._unfinished = unfinished
        self.asked_at = key_time()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content(f"Terminate {self._name}?")
            yield Static(Content(TERMINATING))
            yield Static(Content(self._unfinished.sentence()))
            yield Static(Content(f"Type its name to do so: {self._name}"))
            yield Input(compact=True)
            yield Static(id="note", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Not now", compact=True, id="cancel")
                yield Button("Terminate", variant="error", compact=True, id="terminate")

    def on_mount(self) -> None:
        self.query_one("#note").display = False

    @on(Input.Submitted)
    @on(Button.Pressed, "#terminate")
    def _terminate(self) -> None:
        if is_its_name(self.query_one(Input).value, self._workflow):
            self.dismiss(True)
            return
        note = self.query_one("#note", Static)
        note.update(Content("That is not its name; nothing was asked."))
        note.display = True


class UnansweredQuestion(Question[str]):
    """Answers what becomes of an action that was sent and not answered.

    It may come up while somebody types: no letter answers it.
    """

    LATER: ClassVar[str] = "later"
    AGAIN: ClassVar[str] = "again"
    LEAVE: ClassVar[str] = "leave"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(0)", "later", id="unanswered.later"),
        *ANSWER_MOVES,
    ]

    def __init__(self, action: AskedAction) -> None:
        harm = "Asked again, it is done once at most: the key stays the same."
        if action.what != START:
            harm = "Asking again does no harm."
        paragraphs = [audit_line(action), f"It may have been done, or not. {harm}"]
        answers = (
            (self.LATER, "Later"),
            (self.AGAIN, "Ask again"),
            (self.LEAVE, "Leave it at that"),
        )
        title = f"Never answered: {clean(named(action))}"
        super().__init__(title, paragraphs, answers)
        self.asked_at = key_time()


class ActionsScreen(Dialog[AskedAction | None]):
    """Lists what was asked and answered; answers with one that can be gone on with.

    Args:
        actions: The newest first.
        server: Only of this one something can be opened or asked.
    """

    DEFAULT_CSS = """
    ActionsScreen > Vertical { width: 100; }
    ActionsScreen OptionList {
        height: auto; max-height: 20; border: none; padding: 0;
        background: $surface;
        &:focus { border: none; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "close", id="asked.close"),
        *LIST_MOVES,
    ]

    def __init__(self, actions: Sequence[AskedAction], server: str) -> None:
        super().__init__()
        self._server = server
        self._actions = actions[:MOST_LISTED]
        self._count = len(actions)
        self.asked_at = key_time()

    def compose(self) -> ComposeResult:
        more = self._count - len(self._actions)
        with Vertical() as box:
            box.border_title = "Actions asked, the newest first"
            box.border_subtitle = "esc closes"
            if not self._actions:
                yield Static("Nothing was asked so far.")
            yield OptionList(*(Option(_row(one)) for one in self._actions))
            if more:
                yield Static(f"and {more:,} before them")

    def on_mount(self) -> None:
        listed = self.query_one(OptionList)
        listed.display = bool(self._actions)
        listed.focus()

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        event.stop()
        enters = self._way_on(self._actions[event.option_index])
        words = f"enter {enters}" if enters else NO_WAY_ON
        self.query_one(Vertical).border_subtitle = f"{words} · esc closes"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        chosen = self._actions[event.option_index]
        if self._way_on(chosen):
            self.dismiss(chosen)

    def _way_on(self, action: AskedAction) -> str:
        """Return what enter does with an action; "" where there is nothing to do."""
        if action.server != self._server:
            return ""
        if action.job_id:
            return "opens the job"
        return "asks what becomes of it" if is_askable(action) else ""


def _row(action: AskedAction) -> Content:
    """Return what was asked and answered, and below it by whom and where; clean."""
    sign = SIGNS.get(ActionOutcome(action.outcome), "?" if action.is_open else "…")
    said = f"{named(action)}: {outcome_words(action)}"
    who = f"{action.account} at {action.server} ({action.profile})"
    key = f"  key {action.key}" if action.key else ""
    first = f"{sign} {local_time(action.asked_at)}  {clean(said)}"
    return Content.assemble(first, (f"\n  {clean(who + key)}", "$text-muted"))


# From the key to what comes of it.


def act(app: DeskApp, what: str) -> None:
    """Begin an action about what is meant on the screen; one goes on at a time."""
    session = app.desk.session
    if session is None or session.actions is None:
        _say(app, "Not connected yet; nothing was asked.")
    elif what == "actions":
        start_worker(app, LISTING, partial(_said, app, partial(_list, app, session)))
    elif has_worker(app, ACTION):
        _say(app, "One action at a time: the last one is not over yet.")
    else:
        try:
            _look(app, session, _actions(app, session), what)
        except ChronotuiError as error:
            _say(app, str(error))


def _look(app: DeskApp, session: Session, actions: Actions, what: str) -> None:
    """Read the workflow that is meant as it is now, then go on with that.

    The dialog stands at once, so that no key typed meanwhile goes anywhere else.
    """
    meant = _meant(app)
    if meant is None:
        _say(app, NOTHING_MEANT)
        return
    look, work = _WORK[what]

    def go_on(found: LookedAt | ChronotuiError | None) -> None:
        if isinstance(found, ChronotuiError):
            _say(app, str(found))
        elif found is not None:
            done = partial(work, app, session, found)
            start_worker(app, ACTION, partial(_said, app, done))

    read = partial(look, session, actions, meant)
    app.push_screen(LookingDialog(meant, read), go_on)


def ask_about_unanswered(desk: DeskScreen) -> None:
    """Ask about what was sent in an earlier run and never answered."""
    if not stands(desk):
        return
    app, session = cast("DeskApp", desk.app), desk.session
    if session is not None and session.actions is not None:
        work = partial(_ask_about_all, app, desk, session.actions)
        start_worker(app, ASKING, partial(_said, app, work))


def _say(app: DeskApp, words: str, seconds: float = LONG_SECONDS) -> None:
    app.desk.say(words, seconds=seconds)


async def _said(app: DeskApp, work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except ChronotuiError as error:
        _say(app, str(error))


def _actions(app: DeskApp, session: Session) -> Actions:
    """Return what may be done, once that is so.

    Raises:
        UsageError: The profile's way to sign in allows no change.
    """
    actions = session.actions
    assert actions is not None  # noqa: S101 - seen to by who begins
    actions.tell = partial(_say, app, seconds=FOR_GOOD)
    actions.check()
    return actions


def _meant(app: DeskApp) -> Workflow | None:
    """Return the workflow that is meant on the screen in sight, never one hidden."""
    # A palette that the key was chosen in may not have gone yet.
    seen = next(screen for screen in reversed(app.screen_stack) if not screen.is_modal)
    meant = getattr(seen, "meant", None)
    return meant.workflow if isinstance(meant, MeantJob) else None


async def _look_to_start(
    _session: Session, actions: Actions, meant: Workflow
) -> LookedAt:
    workflow = await actions.look(meant.id)
    found = await actions.unanswered(workflow.id)
    return LookedAt(workflow, unanswered=[one for one in found if one.what == START])


async def _look_to_terminate(
    _session: Session, actions: Actions, meant: Workflow
) -> LookedAt:
    workflow = await actions.look(meant.id)
    if workflow.terminated_at is not None:
        return LookedAt(workflow)
    return LookedAt(workflow, unfinished=await actions.unfinished(workflow.id))


async def _look_for_notices(
    session: Session, _actions: Actions, meant: Workflow
) -> LookedAt:
    notices = session.notices
    found = [] if notices is None else await notices.unread_of(meant.id)
    return LookedAt(meant, unread=[one.id for one in found])


async def _start(app: DeskApp, session: Session, seen: LookedAt) -> None:
    actions, workflow = _actions(app, session), seen.workflow
    for action in seen.unanswered:
        if not await _decide(app, session, action):
            return
    name = clean(workflow.shown_name)
    about = cautions(workflow) or ["It runs once, beside its schedule."]
    question = ChangeQuestion(f"Run {name} now?", about, "Run now")
    if await app.push_screen_wait(question):
        _say(app, f"Asking the server to run {name} …", FOR_GOOD)
        await _tell(app, session, await actions.start(workflow))


async def _tell(app: DeskApp, session: Session, done: AskedAction) -> None:
    """Say what came of an action; a job that was started is opened."""
    _say(app, audit_line(done))
    session.catalog.refresh()
    if done.job_id:
        is_open = await _open(app, session, done)
        # Said once more, on the screen that shows it now.
        _say(app, audit_line(done) if is_open else f"{audit_line(done)}  {FROM_DESK}")


async def _open(app: DeskApp, session: Session, done: AskedAction) -> bool:
    """Open the job that was started; from the board there is a way back to it.

    Who reads something else over the desk is not taken away from it.

    Returns:
        Whether it was opened.
    """
    actions = _actions(app, session)
    job = await actions.started_job(done)
    if isinstance(app.screen, BoardScreen):
        app.pop_screen()
        again = partial(show_board, app.desk, at_top=False)
        await app.desk.open_at(await actions.look(job.workflow_id), job, back=again)
    elif app.screen is app.desk:
        app.desk.follow_link(session.catalog, job.workflow_id, job.id)
    else:
        return False
    return True


async def _terminate(app: DeskApp, session: Session, seen: LookedAt) -> None:
    actions, (workflow, _, unfinished, _) = _actions(app, session), seen
    name = clean(workflow.shown_name)
    if workflow.terminated_at is not None:
        when = local_time(workflow.terminated_at)
        _say(app, f"{name} was terminated {when}; nothing was asked.")
        return
    if not await app.push_screen_wait(TerminateDialog(workflow, unfinished)):
        return
    _say(app, f"Asking the server to terminate {name} …", FOR_GOOD)
    done = await actions.terminate(workflow)
    await _tell(app, session, done)
    watch = partial(_tell_ending, app, actions, done, unfinished.jobs)
    start_worker(app, ENDING, partial(_said, app, watch))


async def _tell_ending(
    app: DeskApp, actions: Actions, done: AskedAction, jobs: Sequence[Job]
) -> None:
    seconds = app.plan.profile.poll_seconds
    async for state in actions.ending(jobs, seconds=seconds):
        _say(app, f"{audit_line(done)}  {state.sentence()}")


async def _read_notices(app: DeskApp, session: Session, seen: LookedAt) -> None:
    actions, ids = _actions(app, session), seen.unread
    name = clean(seen.workflow.shown_name)
    if not ids or session.notices is None:
        _say(app, f"No unread notification about {name}.")
        return
    title = f"Mark {plural(len(ids), 'notification')} about {name} as read?"
    about = ["They are marked on the server, for this account everywhere."]
    if not await app.push_screen_wait(ChangeQuestion(title, about, "Mark as read")):
        return
    done = await actions.mark_read(seen.workflow, ids)
    session.notices.were_read(ids)
    _say(app, audit_line(done))


async def _list(app: DeskApp, session: Session) -> None:
    actions = session.actions
    if actions is None:
        return
    await actions.unanswered()
    listed = ActionsScreen(await actions.history(), app.plan.profile.url)
    chosen = await app.push_screen_wait(listed)
    if chosen is not None and chosen.job_id:
        if not await _open(app, session, chosen):
            _say(app, FROM_DESK)
    elif chosen is not None:
        await _decide(app, session, chosen)


async def _ask_about_all(app: DeskApp, desk: DeskScreen, actions: Actions) -> None:
    for action in reversed(await actions.unanswered()):
        session = desk.session
        if has_worker(app, ACTION):  # somebody is asked something else already
            app.set_timer(LONG_SECONDS, partial(ask_about_unanswered, desk))
            return
        if session is not None:
            await _decide(app, session, action)


async def _decide(app: DeskApp, session: Session, action: AskedAction) -> bool:
    """Ask what becomes of an unanswered action, and do that.

    Returns:
        Whether it was left at that, so that there may be another one.
    """
    actions = _actions(app, session)
    answer = await app.push_screen_wait(UnansweredQuestion(action))
    if answer == UnansweredQuestion.LEAVE:
        await actions.leave(action)
    elif answer == UnansweredQuestion.AGAIN:
        _say(app, f"Asking again: {clean(named(action))} …", FOR_GOOD)
        await _tell(app, session, await actions.repeat(action))
    return answer == UnansweredQuestion.LEAVE


_WORK: Final = {
    "start": (_look_to_start, _start),
    "terminate": (_look_to_terminate, _terminate),
    "read_notices": (_look_for_notices, _read_notices),
}
