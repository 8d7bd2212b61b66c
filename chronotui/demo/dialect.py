"""The two ways servers speak (wire notes against the documented pages)."""

from __future__ import annotations

import json
from enum import Enum
from functools import lru_cache
from json.encoder import encode_basestring
from time import gmtime
from typing import TYPE_CHECKING, Any, Final

from chronotui.demo.clock import MILLISECOND, SECOND

if TYPE_CHECKING:
    from chronotui.demo.lines import TrueLine
    from chronotui.demo.runs import JobState
    from chronotui.demo.workflow import DemoWorkflow

_DOCUMENTED_WORDS: Final = {"CANCELED": "CANCELLED", "QUEUED": "PENDING"}
_STATES: Final = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")


class Dialect(Enum):
    """Which server the demo is."""

    CURRENT = "current"
    DOCUMENTED = "documented"

    @property
    def is_current(self) -> bool:
        """Whether this is the current server's way."""
        return self is Dialect.CURRENT

    @property
    def first_number(self) -> int:
        """The sequence number of a first line."""
        return 0 if self.is_current else 1

    def status(self, word: str) -> str:
        """Spell a job's state, given in the current spelling."""
        return word if self.is_current else _DOCUMENTED_WORDS.get(word, word)

    def states(self) -> tuple[str, ...]:
        """Return the spellings a status filter may have."""
        return tuple(dict.fromkeys(self.status(word) for word in _STATES))

    def object(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Leave zero values out, or write "" for absent texts.

        Args:
            fields: Values by name; a text that is not there is "", a number 0.
        """
        if not self.is_current:
            return fields
        return {name: value for name, value in fields.items() if value}

    def workflow(
        self, workflow: DemoWorkflow, now_ns: int, *, detail: bool
    ) -> dict[str, Any]:
        """Describe a workflow."""
        plan = workflow.plan
        payload: dict[str, Any] = {"image": plan.image, "cmd": ["/run", plan.slug]}
        if plan.kind == "HEARTBEAT":
            payload = {"endpoint": f"https://{plan.slug}.example.com/healthz"}
        fields = {
            "id": workflow.id,
            "name": plan.name,
            "payload": plan.payload or json.dumps(payload, ensure_ascii=False),
            "kind": plan.kind,
            "build_status": plan.build_status,
            "interval": plan.interval,
            "consecutive_job_failures_count": workflow.failures(now_ns),
            "max_consecutive_job_failures_allowed": 5,
            "created_at": rfc3339(workflow.created_ns),
            "updated_at": rfc3339(workflow.terminated_ns or workflow.created_ns),
            "terminated_at": _time_or_empty(workflow.terminated_ns),
            "log_retention": plan.retention,
        }
        if detail:
            fields["generation"] = workflow.generation
        return self.object(fields)

    def job(self, state: JobState, *, listed: bool) -> dict[str, Any]:
        """Describe a job; read alone it has no attempts and no container."""
        fields: dict[str, Any] = {"id": state.id, "workflow_id": state.workflow_id}
        if listed:
            fields["container_id"] = state.container_id or ""
        fields["status"] = self.status(state.status)
        fields["trigger"] = state.trigger
        if listed and self.is_current:
            fields["attempts"] = state.attempts
        fields["scheduled_at"] = rfc3339(state.scheduled_ns)
        fields["started_at"] = _time_or_empty(state.started_ns)
        fields["completed_at"] = _time_or_empty(state.completed_ns)
        fields["created_at"] = rfc3339(state.created_ns)
        fields["updated_at"] = rfc3339(state.updated_ns)
        return self.object(fields)

    def line(self, job_id: str, line: TrueLine, *, retained: bool) -> str:
        """Write a line as JSON; retained times are cut to milliseconds."""
        attempt, number, stream, time_ns, message = line
        if retained:
            time_ns -= time_ns % MILLISECOND
        parts = (
            f'{{"timestamp":"{rfc3339(time_ns)}",'
            f'"message":{encode_basestring(message)},'
        )
        if number or not self.is_current:
            parts += f'"sequence_num":{number},'
        parts += f'"stream":"{stream}"'
        if not self.is_current:
            return parts + "}"
        turn = f"attempt:{attempt}:" if attempt > 1 else ""
        return f'{parts},"event_id":"log:{job_id}:{turn}{stream}:{number}"}}'


def rfc3339(time_ns: int) -> str:
    """Write a time as Go does: UTC, up to nine digits, no zeros at the end."""
    seconds, rest = divmod(time_ns, SECOND)
    if not rest:
        return _second(seconds) + "Z"
    return f"{_second(seconds)}.{rest:09d}".rstrip("0") + "Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    t = gmtime(seconds)
    return (
        f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}"
        f"T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}"
    )


def _time_or_empty(time_ns: int | None) -> str:
    return "" if time_ns is None else rfc3339(time_ns)
