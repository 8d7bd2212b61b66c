"""The live stream of a demo run: a snapshot of what was, then what happens.

A snapshot knows of a step only how it went; a live event has all of it. Neither has a
number of its own, and a step may be told of twice.
"""

from __future__ import annotations

import asyncio
import json
import math
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from chronotui.demo.clock import DemoClock
    from chronotui.demo.dify_runs import AppPerson, AppRun, AppStep, Extra

PING: Final = b"event: ping\n\n"

_Event: TypeAlias = "dict[str, Any]"
_WAITING: Final = "human-input"
_ROUND_KINDS: Final = ("iteration", "loop")


@dataclass
class EventHabits:
    """How a server streams; its fields may be changed while it runs.

    Attributes:
        ping_seconds: A ping is sent when nothing was for so long.
        idle_seconds: A stream closes, without a word, when nothing but pings was sent
            for so long.
        replays: What was published before a stream began is sent again after its
            snapshot.
        hangs: A run's end is never told to a stream that was open before it.
    """

    ping_seconds: float = 10.0
    idle_seconds: float = 300.0
    replays: bool = False
    hangs: bool = False


@dataclass(frozen=True)
class StreamWish:
    """What a client wants of a stream."""

    snapshot: bool
    through_pauses: bool


def frame(event: _Event) -> bytes:
    """Write an event, letters as they are."""
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


class RunEvents:
    """Writes the events of one run."""

    def __init__(self, run: AppRun, by: AppPerson | None) -> None:
        self._run = run
        self._by = by

    def event(self, name: str, data: _Event) -> _Event:
        run_id = self._run.id
        return {
            "event": name,
            "task_id": f"task-{run_id[:8]}",
            "workflow_run_id": run_id,
            "data": data,
        }

    def started(self, reason: str = "initial") -> _Event:
        run = self._run
        data = {
            "id": run.id,
            "workflow_id": run.workflow_id,
            "inputs": run.inputs,
            "created_at": int(run.begins),
            "reason": reason,
        }
        return self.event("workflow_started", data)

    def finished(self, *, live: bool) -> _Event:
        """Tell of the end; what was stopped is told live as if it had failed."""
        run, by = self._run, self._by
        status = "failed" if live and run.final == "stopped" else run.final
        data = {
            "id": run.id,
            "workflow_id": run.workflow_id,
            "status": status,
            "outputs": run.outputs,
            "error": run.error,
            "elapsed_time": run.elapsed(run.ends),
            "total_tokens": run.tokens,
            "total_steps": run.steps_done(run.ends),
            "created_by": {"id": by.id, "user": by.name} if by else {},
            "created_at": int(run.begins),
            "finished_at": int(run.ends),
            "exceptions_count": run.exceptions,
            "files": [],
        }
        return self.event("workflow_finished", data)

    def paused(self) -> _Event:
        run = self._run
        waiting = [step for step in run.steps if step.form_token]
        data = {
            "workflow_run_id": run.id,
            "status": "paused",
            "outputs": {},
            "created_at": int(run.begins),
            "total_steps": len(run.steps),
            "elapsed_time": run.pause[0] if run.pause else 0.0,
            "paused_nodes": [step.node_id for step in waiting],
            "reasons": [_form(step, "human_input_required") for step in waiting],
        }
        return self.event("workflow_paused", data)

    def _step(self, step: AppStep, index: int) -> _Event:
        within = self._within(step)
        return {
            "id": step.id,
            "node_id": step.node_id,
            "node_type": step.kind,
            "title": step.title,
            "index": index,
            "predecessor_node_id": None,
            "inputs": None,
            "created_at": int(self._run.begins + step.begins),
            "extras": {},
            "iteration_id": within if self._kind_of(within) == "iteration" else None,
            "loop_id": within if self._kind_of(within) == "loop" else None,
        }

    def _within(self, step: AppStep) -> str | None:
        for other in self._run.steps:
            if step.within and other.id == step.within:
                return other.node_id
        return None

    def _kind_of(self, node_id: str | None) -> str:
        for step in self._run.steps:
            if step.node_id == node_id:
                return step.kind
        return ""

    def step_started(self, step: AppStep, index: int = 1) -> _Event:
        return self.event("node_started", self._step(step, index))

    def step_finished(
        self, step: AppStep, status: str, index: int = 1, *, live: bool
    ) -> _Event:
        data = self._step(step, index)
        known = step.seconds if math.isfinite(step.seconds) else 0.0
        data |= {
            "process_data": step.process if live else None,
            "inputs": step.inputs if live else None,
            "outputs": step.outputs if live else None,
            "status": status,
            "error": step.error if live else None,
            "elapsed_time": known,
            "execution_metadata": None,
            "finished_at": int(self._run.begins + step.begins + known),
            "files": [],
        }
        if live:
            data |= dict.fromkeys(
                ("inputs_truncated", "outputs_truncated", "process_data_truncated"),
                False,
            )
        return self.event("node_finished", data)

    def snapshot(self, now: float) -> list[_Event]:
        """Tell what there was until now."""
        passed = now - self._run.begins
        found = [self.started()]
        pauses = self._run.is_paused(now)
        for index, step in enumerate(self._run.steps, 1):
            if step.begins > passed:
                continue
            found.append(self.step_started(step, index))
            if pauses and step.kind == _WAITING:
                found.append(self.step_finished(step, "paused", index, live=False))
            elif step.ends <= passed:
                found.append(self.step_finished(step, step.status, index, live=False))
        if pauses:
            found += self._forms()
            found.append(self.paused())
        return found

    def _forms(self) -> list[_Event]:
        return [
            self.event("human_input_required", _form(step, ""))
            for step in self._run.steps
            if step.form_token
        ]

    def live(self) -> list[Extra]:
        """Return what is published in the whole run, in order, by seconds into it."""
        run = self._run
        found: list[Extra] = [(0.0, self.started())]
        for step in run.steps:
            found += self._live_step(step)
        if run.pause is not None:
            found += self._live_pause(*run.pause)
        found += run.extras
        found = [one for one in found if one[0] < run.seconds]
        found.sort(key=itemgetter(0))
        if math.isfinite(run.seconds):
            found.append((run.seconds, self.finished(live=True)))
        return found

    def _live_pause(self, since: float, until: float) -> Iterator[Extra]:
        waiting = [step for step in self._run.steps if step.kind == _WAITING]
        for form in self._forms():
            yield since, form
        for step in waiting:
            yield since, self.step_finished(step, "paused", live=True)
        yield since, self.paused()
        if math.isfinite(until):
            for step in waiting:
                filled = {"node_id": step.node_id, "node_title": step.title}
                yield until, self.event("human_input_form_filled", filled)
            yield until, self.started("resumption")
            for step in waiting:
                yield until, self.step_started(step)

    def _live_step(self, step: AppStep) -> Iterator[Extra]:
        """Tell of one step; its first text may come before its begin is told."""
        share = step.seconds / (len(step.chunks) or 1)
        if not math.isfinite(share):
            share = 1.0
        texts = [
            (step.begins + share * place, self._text(step, chunk))
            for place, chunk in enumerate(step.chunks)
        ]
        yield from texts[:1]
        yield step.begins, self.step_started(step)
        yield from texts[1:]
        if step.kind in _ROUND_KINDS:
            yield from self._rounds(step)
        if step.kind == "agent":
            yield step.begins + share / 2, self._agent_log(step)
        for attempt in range(1, step.retries + 1):
            at = step.begins + step.seconds * attempt / (step.retries + 1)
            yield at, self._retry(step, attempt)
        if step.replacement is not None:
            words = {"text": step.replacement}
            yield step.ends, self.event("text_replace", words)
        if math.isfinite(step.ends):
            yield step.ends, self.step_finished(step, step.status, live=True)

    def _text(self, step: AppStep, chunk: str) -> _Event:
        source = [step.node_id, "text"]
        data = {"text": chunk, "from_variable_selector": source}
        return self.event("text_chunk", data)

    def _retry(self, step: AppStep, attempt: int) -> _Event:
        data = self._step(step, 1)
        data |= {"status": "retry", "error": step.error, "retry_index": attempt}
        return self.event("node_retry", data)

    def _rounds(self, step: AppStep) -> Iterator[Extra]:
        base = self._step(step, 1)
        yield step.begins, self.event(f"{step.kind}_started", base)
        long = step.seconds if math.isfinite(step.seconds) else 10.0 * step.rounds
        for place in range(step.rounds):
            at = step.begins + long * place / step.rounds
            yield at, self.event(f"{step.kind}_next", {**base, "index": place})
        if math.isfinite(step.ends):
            done = {**base, "status": step.status, "steps": step.rounds}
            yield step.ends, self.event(f"{step.kind}_completed", done)

    def _agent_log(self, step: AppStep) -> _Event:
        data = {
            "node_execution_id": step.id,
            "id": f"log-{step.id[:8]}",
            "label": "ROUND 1",
            "parent_id": None,
            "error": None,
            "status": "success",
            "data": {"thought": "Look at the totals first."},
            "metadata": {},
            "node_id": step.node_id,
        }
        return self.event("agent_log", data)


def _form(step: AppStep, kind: str) -> _Event:
    data = {
        "form_id": f"form-{step.id[:8]}",
        "node_id": step.node_id,
        "node_title": step.title,
        "form_content": "Send the report?",
        "inputs": [],
        "actions": [{"id": "yes", "title": "Send"}, {"id": "no", "title": "Discard"}],
        "form_token": step.form_token,
        "resolved_default_values": {},
    }
    return {"TYPE": kind, **data} if kind else data


class EventStream:
    """One open stream of a run."""

    def __init__(
        self,
        run: AppRun,
        by: AppPerson | None,
        clock: DemoClock,
        habits: EventHabits,
        wish: StreamWish,
    ) -> None:
        self._run = run
        self._events = RunEvents(run, by)
        self._clock = clock
        self._habits = habits
        self._wish = wish
        self._told = -1.0
        """Seconds into the run until which everything was sent."""
        self._edge: set[bytes] = set()
        """What of that very moment was sent; more may come, if a run is ended now."""

    @property
    def _now(self) -> float:
        return self._clock.now_ns() / 1e9

    async def pieces(self) -> AsyncGenerator[Sequence[bytes], None]:
        """Yield frames until the run ends, or nothing was said for too long."""
        now = self._now
        if self._run.has_ended(now):
            yield [frame(self._events.finished(live=False))]
            return
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        stop = self._clock.listen(wake)
        try:
            yield self._beginning(now)
            spoke = pinged = loop.time()
            while True:
                woken.clear()
                frames, ends, wait = self._due()
                if frames:
                    spoke = pinged = loop.time()
                    yield frames
                if ends or loop.time() - spoke >= self._habits.idle_seconds:
                    return
                if loop.time() - pinged >= self._habits.ping_seconds:
                    pinged = loop.time()
                    yield [PING]
                quiet = min(
                    pinged + self._habits.ping_seconds,
                    spoke + self._habits.idle_seconds,
                )
                await _wait(woken, min(wait, max(0.0, quiet - loop.time())))
        finally:
            stop()

    def _beginning(self, now: float) -> list[bytes]:
        """Return what is sent at once: a ping, and what was if it is wanted."""
        self._told = now - self._run.begins
        events = self._events.live()
        self._edge = {_written(event) for at, event in events if at == self._told}
        frames = [PING]
        if self._wish.snapshot:
            frames += map(frame, self._events.snapshot(now))
            if self._habits.replays and self._run.streaming:
                past = (event for at, event in events if at <= self._told)
                frames += map(_written, past)
        return frames

    def _due(self) -> tuple[list[bytes], bool, float]:
        """Return the frames due, whether the stream ends, and the seconds to wait."""
        if not self._run.streaming:
            return [], False, math.inf
        passed = self._now - self._run.begins
        events = self._events.live()
        if self._habits.hangs:
            events = [one for one in events if _name(one[1]) != "workflow_finished"]
        reached = [one for one in events if self._told <= one[0] <= passed]
        due = [
            event
            for at, event in reached
            if at > self._told or _written(event) not in self._edge
        ]
        self._told = passed
        self._edge = {_written(event) for at, event in reached if at == passed}
        later = [at for at, _ in events if at > passed]
        wait = math.inf
        if later:
            moment = int((self._run.begins + later[0]) * 1e9) + 1000
            wait = self._clock.seconds_until(moment)
        return list(map(_written, due)), self._ends_with(due), wait

    def _ends_with(self, due: Sequence[_Event | bytes]) -> bool:
        names = {_name(event) for event in due}
        if "workflow_finished" in names:
            return self._wish.snapshot or not self._wish.through_pauses
        return "workflow_paused" in names and not self._wish.through_pauses


def _name(event: _Event | bytes) -> str:
    return "" if isinstance(event, bytes) else str(event["event"])


def _written(event: _Event | bytes) -> bytes:
    return event if isinstance(event, bytes) else frame(event)


async def _wait(woken: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(None if math.isinf(seconds) else seconds):
            await woken.wait()
    except TimeoutError:
        return
