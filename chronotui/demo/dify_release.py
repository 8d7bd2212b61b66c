"""What one release of Dify does otherwise than the next, and how each writes a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from chronotui.demo.dify_runs import AppPerson, AppRow, AppRun

NEWEST: Final = "1.14.2"
VERSIONS: Final = ("1.9.2", "1.13.0", NEWEST)
"""The releases the demo was compared with, measured against the real ones."""

_NO_RUN: Final = (
    "id",
    "workflow_id",
    "status",
    "inputs",
    "outputs",
    "error",
    "total_steps",
    "total_tokens",
    "created_at",
    "finished_at",
    "elapsed_time",
)


@dataclass(frozen=True)
class AppRelease:
    """One release, such as ``1.14.2``; any other text is taken for the newest."""

    version: str = NEWEST

    def since(self, *numbers: int) -> bool:
        """Tell whether it is this release or a later one."""
        words = self.version.partition("-")[0].split(".")
        if not all(word.isdigit() for word in words):
            return True
        return tuple(map(int, words)) >= numbers

    @property
    def has_events(self) -> bool:
        return self.since(1, 14, 0)

    @property
    def lists_running(self) -> bool:
        """Whether a row is there when its run begins, not only when it ends."""
        return self.since(1, 11, 0)

    @property
    def filters_time(self) -> bool:
        return self.since(1, 0, 1)

    @property
    def filters_people(self) -> bool:
        return self.since(1, 5, 0)

    @property
    def checks_account(self) -> bool:
        return self.since(1, 9, 2)

    @property
    def escapes_stored_text(self) -> bool:
        """Whether keywords are compared with JSON escapes instead of the letters."""
        return self.since(1, 11, 3)

    @property
    def checks_mode(self) -> bool:
        """Whether apps that are no workflow are refused instead of listed empty."""
        return self.since(1, 17, 0)

    def status(self, word: str) -> str:
        """Return what a release before a word was made called such a run."""
        if word == "partial-succeeded" and not self.since(0, 14, 0):
            return "succeeded"
        return word

    def row(self, row: AppRow, now: float) -> dict[str, Any]:
        """Write a row of the list."""
        by = row.by
        is_account = by is not None and by.is_account
        fields: dict[str, Any] = {
            "id": row.id,
            "workflow_run": self._listed_run(row.run_at(now), now),
            "created_from": row.created_from,
            "created_by_role": row.role,
            "created_by_account": _account(by) if by and is_account else None,
            "created_by_end_user": (
                self._end_user(by) if by and not is_account else None
            ),
            "created_at": row.created_at(self),
        }
        if self.since(1, 10, 0):
            fields["details"] = None
        return fields

    def _end_user(self, person: AppPerson) -> dict[str, Any]:
        spelled = person.kind
        if not self.since(1, 0, 0):
            spelled = spelled.replace("-", "_")
        return {
            "id": person.id,
            "type": spelled,
            "is_anonymous": False,
            "session_id": person.name,
        }

    def _listed_run(self, run: AppRun | None, now: float) -> dict[str, Any] | None:
        if run is None:
            return None
        ended = run.has_ended(now)
        fields = {
            "id": run.id,
            "version": run.version,
            "status": self.status(run.status(now)),
            "error": run.error if ended else None,
            "elapsed_time": run.elapsed(now),
            "total_tokens": run.tokens if ended else 0,
            "total_steps": run.steps_done(now),
            "created_at": int(run.begins),
            "finished_at": int(run.ends) if ended else None,
        }
        if self.since(0, 14, 0):
            fields["exceptions_count"] = run.exceptions if ended else 0
        if self.since(1, 10, 0):
            fields["triggered_from"] = run.triggered_from
        return fields

    def run(self, run: AppRun, now: float) -> dict[str, Any]:
        """Write a run's detail."""
        ended = run.has_ended(now)
        inputs = run.inputs
        if inputs is not None and not isinstance(inputs, str):
            inputs = json.dumps(inputs)
        return {
            "id": run.id,
            "workflow_id": run.workflow_id,
            "status": self.status(run.status(now)),
            "inputs": inputs,
            "outputs": self._outputs(run.outputs if ended else None),
            "error": run.error if ended else None,
            "total_steps": run.steps_done(now),
            "total_tokens": run.tokens if ended else 0,
            "created_at": self._time(run.begins),
            "finished_at": self._time(run.ends) if ended else None,
            "elapsed_time": run.elapsed(now),
        }

    def _outputs(self, value: object) -> object:
        if not self.since(1, 13, 0):
            return None if value is None else json.dumps(value)
        if self.version.startswith("1.13.0"):
            return {} if value is None else value
        return value if isinstance(value, dict) else {}

    def _time(self, seconds: float) -> int | str:
        if self.since(1, 2, 0):
            return int(seconds)
        return format_datetime(datetime.fromtimestamp(int(seconds), UTC))

    def no_run(self) -> tuple[int, dict[str, Any]]:
        """Return status and fields of the answer about a run there is not."""
        if self.since(1, 13, 1):
            return envelope("not_found", "Workflow run not found.", 404)
        if self.since(1, 13, 0):
            return envelope("unknown", "Internal Server Error", 500)
        numbers = {"total_steps", "total_tokens", "elapsed_time"}
        return 200, {name: 0 if name in numbers else None for name in _NO_RUN}

    def invalid(self, name: str, value: str, words: str, kind: str) -> dict[str, Any]:
        """Write the refusal of a parameter, as this release's parser does.

        Args:
            name: Of the parameter.
            value: What was asked with.
            words: What pydantic says of it, such as "Input should be …".
            kind: Pydantic's name for such an error.
        """
        if self.since(1, 11, 0):
            message = (
                f"1 validation error for WorkflowLogQuery\n{name}\n  {words} "
                f"[type={kind}, input_value={value!r}, input_type=str]\n"
                f"    For further information visit "
                f"https://errors.pydantic.dev/2.11/v/{kind}"
            )
            return envelope("invalid_param", message, 400)[1]
        said = f"Invalid argument: {value}. {words}"
        if self.since(1, 8, 0):
            return {
                "errors": {name: said},
                "message": "Input payload validation failed",
            }
        return {**envelope("invalid_param", said, 400)[1], "params": name}


def _account(person: AppPerson) -> dict[str, Any]:
    return {"id": person.id, "name": person.name, "email": person.email}


def envelope(code: str, message: str, status: int) -> tuple[int, dict[str, Any]]:
    """Return status and fields of an error."""
    return status, {"code": code, "message": message, "status": status}
