"""The verbs that change something: `start` runs a workflow now, `terminate` ends it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from chronotui.cli.invocation import ask_line
from chronotui.cli.output import may_ask, say
from chronotui.errors import UnansweredActionError, UsageError
from chronotui.text import clean

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from chronotui.cli.invocation import Invocation
    from chronotui.engine.actions import Actions
    from chronotui.model import Workflow
    from chronotui.sources.protocol import Source
    from chronotui.storage.action_journal import AskedAction


def start(invocation: Invocation) -> int:
    """Run a workflow now; print the id of the job, or follow its log."""
    options = invocation.options
    if options.again and options.new:
        raise UsageError(
            "--again and --new do not go together: it is the one or other."
        )
    if options.timestamps and not options.follow:
        raise UsageError(
            "--timestamps goes with --follow: without it no line is printed."
        )
    return _with_actions(invocation, _start)


def terminate(invocation: Invocation) -> int:
    """Terminate a workflow whose name was given once more; tell what comes of it."""
    return _with_actions(invocation, _terminate)


def _with_actions(
    invocation: Invocation,
    work: Callable[[Invocation, Source, Actions, Workflow], Awaitable[int]],
) -> int:
    from chronotui.engine.actions import check_allowed

    check_allowed(invocation.profile)

    async def run(client: Source) -> int:
        import asyncio

        from chronotui.engine.actions import Actions, nobody_knows
        from chronotui.engine.resolve import resolve_workflow
        from chronotui.storage.action_journal import ActionJournal

        actions = Actions(
            client,
            invocation.profile,
            ActionJournal.of_user(),
            tell=invocation.say,
            retries=invocation.retries,
        )
        actions.check()
        named = invocation.options.workflow
        workflow = await invocation.retries.ask(lambda: resolve_workflow(client, named))
        try:
            return await work(invocation, client, actions, workflow)
        except UnansweredActionError as error:
            error.next_step = _way_on(invocation, workflow)
            raise
        except asyncio.CancelledError:
            # Nothing else is said of a program that is told to end.
            if actions.interrupted is not None:
                known = nobody_knows(actions.interrupted)
                invocation.say(f"{known} {_way_on(invocation, workflow)}")
            raise

    return invocation.with_client(run)


def _way_on(invocation: Invocation, workflow: Workflow) -> str:
    verb = invocation.options.verb
    if verb == "start":
        again = _command(invocation, verb, workflow.id, "--again")
        return f"Under the same key it starts once at most: {again}"
    return f"Asking again does no harm: {_command(invocation, verb, workflow.id)}"


def _command(invocation: Invocation, *words: str) -> str:
    """Return a command for the same server."""
    server = (word for pair in invocation.named_server.items() for word in pair)
    return shlex.join(["chronotui", *server, *words])


async def _start(
    invocation: Invocation, client: Source, actions: Actions, workflow: Workflow
) -> int:
    from chronotui.engine.actions import audit_line

    again = await _unanswered_start(invocation, actions, workflow)
    if again is None:
        _check_it_may_run(invocation, workflow)
    done = await actions.start(workflow, again)
    invocation.say(audit_line(done))
    if not invocation.options.follow:
        _write_started(invocation, done)
        say(f"  {_command(invocation, 'logs', workflow.id, done.job_id, '-f')}")
        return 0
    from chronotui.cli.logs import follow_job
    from chronotui.engine.retained import LineSelection

    job = await actions.started_job(done)
    return await follow_job(invocation, client, workflow, job, LineSelection())


def _write_started(invocation: Invocation, done: AskedAction) -> None:
    """Print the job that was started, for a person or for a program."""
    words = clean(done.job_id)
    if invocation.options.output == "jsonl":
        import json

        words = json.dumps({"workflow_id": done.workflow_id, "job_id": done.job_id})
    invocation.output.write(f"{words}\n")
    invocation.output.flush()


async def _unanswered_start(
    invocation: Invocation, actions: Actions, workflow: Workflow
) -> AskedAction | None:
    """Return the start that is to be asked again, None for a new one."""
    from chronotui.engine.actions import START

    options = invocation.options
    found = [a for a in await actions.unanswered(workflow.id) if a.what == START]
    if options.again and not found:
        raise UsageError(
            f"No start of {clean(workflow.shown_name)} waits for an answer.",
            next_step="Leave out --again to start one.",
        )
    if not found:
        return None
    if options.again or (not options.new and _wants_again(found)):
        return found[0]
    for action in found:
        await actions.leave(action)
    return None


def _wants_again(found: Sequence[AskedAction]) -> bool:
    """Ask whether an unanswered start is meant; without a terminal nothing is done."""
    from chronotui.engine.actions import audit_line

    words = "A start was sent before and not answered; it may have run, or not."
    if not may_ask():
        raise UsageError(
            f"{words} Nothing was asked now. {audit_line(found[0])}",
            next_step="--again asks under the same key, which starts it once at most; "
            "--new starts another one.",
        )
    say(f"chronotui: {words}")
    for action in found:
        say(f"  {audit_line(action)}")
    answer = ask_line("Ask [a]gain under its key (once at most), start a [n]ew one?")
    if answer.lower() in {"a", "again"}:
        return True
    if answer.lower() in {"n", "new"}:
        return False
    raise UsageError("Nothing was asked.")


def _check_it_may_run(invocation: Invocation, workflow: Workflow) -> None:
    """Say what a server would not: that a job may never run."""
    from chronotui.engine.actions import cautions

    found = cautions(workflow)
    for words in found:
        invocation.say(words)
    if not found or invocation.options.anyway:
        return
    if may_ask():
        if ask_line("Start it all the same? [y/N]").lower() in {"y", "yes"}:
            return
        raise UsageError("Nothing was asked.")
    raise UsageError("Nothing was asked.", next_step="--anyway asks all the same.")


async def _terminate(
    invocation: Invocation, _client: Source, actions: Actions, workflow: Workflow
) -> int:
    from chronotui.engine.actions import audit_line
    from chronotui.times import local_time

    name = clean(workflow.shown_name)
    # Also settles what was asked before and not answered.
    before = await actions.unanswered(workflow.id)
    if workflow.terminated_at is not None:
        when = local_time(workflow.terminated_at)
        invocation.say(f"{name} was terminated {when}; nothing was asked.")
        return 0
    unfinished = await actions.unfinished(workflow.id)
    _check_named(invocation, workflow, unfinished.sentence())
    again = next((one for one in before if one.what == "terminate"), None)
    done = await actions.terminate(workflow, again)
    invocation.say(audit_line(done))
    seconds = invocation.profile.poll_seconds
    going_on = unfinished.is_cut
    async for state in actions.ending(unfinished.jobs, seconds=seconds):
        invocation.say(state.sentence())
        going_on = unfinished.is_cut or bool(state.going_on)
    if going_on:
        say(f"  {_command(invocation, 'jobs', workflow.id)} shows how the rest ends.")
    return 0


def _check_named(invocation: Invocation, workflow: Workflow, now: str) -> None:
    """See that the workflow's name was given once more, on the line or now.

    Raises:
        UsageError: It was not; nothing was asked.
    """
    from chronotui.engine.actions import TERMINATING, is_its_name

    name, given = clean(workflow.shown_name), invocation.options.yes
    if given is None:
        if not may_ask():
            raise UsageError(
                f"Terminating {name} wants its name once more; nothing was asked.",
                next_step=f"--yes {shlex.quote(name)} gives it without a terminal.",
            )
        invocation.say(f"This terminates {name}. {TERMINATING} {now}")
        given = ask_line("Its name, to do so:")
    if not is_its_name(given, workflow):
        raise UsageError(f"That is not its name, {name}; nothing was asked.")
