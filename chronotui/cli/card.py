"""The verb `card`: what happened to a job, or to the run of an app, as Markdown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from chronotui.cli.logs import check_named, named_job, open_spool
from chronotui.cli.run_logs import check_alone, named_run

if TYPE_CHECKING:
    from chronotui.cli.invocation import Invocation
    from chronotui.engine.card import JobCardReader
    from chronotui.engine.run_card import RunCardReader
    from chronotui.sources.protocol import RunSource, Source


def card(invocation: Invocation) -> int:
    """Print the card; 6 where the log it is made of is not whole."""
    if invocation.has_runs:
        check_alone(invocation.options)
        return invocation.with_runs(partial(_of_run, invocation))
    check_named(invocation.options)
    return invocation.with_client(partial(_of_job, invocation))


async def _of_job(invocation: Invocation, client: Source) -> int:
    from chronotui.engine.card import JobCardReader
    from chronotui.log.handoff import Origin

    workflow, job = await named_job(invocation, client)
    server = invocation.named_server
    reader = JobCardReader(
        client,
        workflow,
        job,
        Origin(workflow.id, job.id, workflow.shown_name, job.id, server),
        spool=partial(open_spool, invocation),
        tell=invocation.say,
    )
    return await _print(invocation, reader)


async def _of_run(invocation: Invocation, client: RunSource) -> int:
    from chronotui.engine.run_card import RunCardReader
    from chronotui.log.handoff import Origin

    app, job = await named_run(invocation, client)
    run_id, server = job.shown_id, invocation.named_server
    origin = Origin("", run_id, app.shown_name, run_id, server)
    reader = RunCardReader(client, job, origin)
    return await _print(invocation, reader)


async def _print(invocation: Invocation, reader: JobCardReader | RunCardReader) -> int:
    """Print the last and fullest card."""
    texts = [text async for text in reader.texts()]
    invocation.output.write(texts[-1])
    invocation.output.flush()
    return reader.exit_code
