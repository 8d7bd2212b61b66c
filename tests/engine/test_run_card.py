"""The card of a run whose steps were seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from chronotui.engine.run_card import RunCardReader
from chronotui.engine.run_log import RunLog
from chronotui.log.handoff import Origin
from chronotui.model import NodeState, RunNote
from tests.engine.scripted_runs import APP, ScriptedRuns, run

if TYPE_CHECKING:
    from chronotui.sources.protocol import RunEventSource, RunSource

AT = datetime(2026, 3, 3, 9, 0, 3, tzinfo=UTC)


async def card_of(log: RunLog, client: ScriptedRuns) -> str:
    job = log.state.job
    origin = Origin("", job.shown_id, APP.name, job.shown_id)
    reader = RunCardReader(cast("RunSource", client), job, origin, held=log)
    *_, text = [text async for text in reader.texts()]
    return text


async def test_the_failed_node_stands_with_its_error_and_what_was_not_seen() -> None:
    job = replace(
        run(1, AT, "FAILED", error="Run failed:\n```503", origin="app-run"),
        started_at=AT,
    )
    client = ScriptedRuns([job])
    log = RunLog(cast("RunEventSource", client), APP, job)
    for event in (
        NodeState("n1", "Start", "start", status="succeeded", started_at=AT),
        NodeState(
            "n2", "Summarise `x`", "llm", status="failed", elapsed=3.1, error="503"
        ),
        NodeState("n3", "Notify", "http", status="failed"),
        RunNote("workflow_started", "The run began.", AT),
    ):
        log.record.take(event)
    log.record.attached(AT.timestamp() + 60, AT.timestamp())
    text = await card_of(log, client)
    assert text.startswith(
        f"**`Nightly ETL` run `{job.run_id}` FAILED** after 12 s, "
        "2026-03-03 09:00:03 to 09:00:15 UTC\n"
    )
    assert "Started by `nightly-etl` from `app-run`." in text
    assert "Error:\n\n````\nRun failed:\n```503\n````" in text
    assert "Failed node ``` `Summarise" not in text
    assert (
        "Failed node `` Summarise `x` `` (`llm`) after 3.1 s:\n\n```\n503\n```" in text
    )
    assert "Failed node `Notify` (`http`); its error was not told." in text
    assert "Start" not in text.replace("Started", "")
    assert "Not seen: attached late" in text
    assert client.asked == []
    log.store.close()
