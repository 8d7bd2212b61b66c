"""The runs of a demo app: their steps, who started them, and the rows of its log.

All they are at some time follows from when they begin and end.
Times are seconds since the epoch, with fractions.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from chronotui.demo.dify_release import AppRelease

ACCOUNT: Final = "account"
FOREVER: Final = math.inf

Extra: TypeAlias = "tuple[float, dict[str, Any] | bytes]"
"""Something more a live stream says: seconds after the run began, and an event or the
bytes themselves."""


@dataclass
class AppPerson:
    """Somebody, or something, that starts runs.

    Attributes:
        kind: ``service-api``, ``browser``, ``trigger``, ``mcp`` or ``openapi`` of an
            end user; ``account`` of somebody with an account.
        name: An end user's session id, an account's name.
    """

    id: str
    kind: str
    name: str
    email: str = ""

    @property
    def is_account(self) -> bool:
        return self.kind == ACCOUNT


@dataclass(frozen=True)
class AppStep:
    """One execution of a node.

    Attributes:
        begins: Seconds after its run began.
        seconds: How long it takes; ``FOREVER`` if nothing ends it.
        status: How it ends.
        chunks: Text it makes, piece by piece, spread over its time.
        replacement: What replaces that text at its end; None for nothing.
        process: What the server calls ``process_data``.
        rounds: How often an iteration or a loop goes round.
        within: The execution of an iteration or a loop it is a part of; "" for none.
        retries: How often it is tried again before it ends.
        form_token: Of the form a step that waits for people shows; a secret.
    """

    id: str
    node_id: str
    kind: str
    title: str
    begins: float
    seconds: float
    status: str = "succeeded"
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    process: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    chunks: tuple[str, ...] = ()
    replacement: str | None = None
    rounds: int = 0
    within: str = ""
    retries: int = 0
    form_token: str = ""

    @property
    def ends(self) -> float:
        return self.begins + self.seconds


@dataclass
class AppRun:
    """A run; what it is now follows from the time.

    Attributes:
        begins: Time of its begin.
        seconds: How long it takes; ``FOREVER`` if nothing ends it.
        final: The word for its state once it has ended.
        inputs: With the ``sys.*`` ones; text is stored as it is.
        pause: When it is paused, from and until, in seconds after it began.
        step_count: What it says of its steps; as many as there are if None.
        streaming: Whether it publishes what happens in it.
        extras: What its live streams say besides.
    """

    id: str
    begins: float
    seconds: float
    final: str = "succeeded"
    inputs: dict[str, Any] | str | None = None
    outputs: object = None
    error: str | None = None
    tokens: int = 0
    steps: tuple[AppStep, ...] = ()
    step_count: int | None = None
    exceptions: int = 0
    pause: tuple[float, float] | None = None
    triggered_from: str = "app-run"
    version: str = "2026-11-01 08:30:12.345678"
    workflow_id: str = "b7e2f8a1-3c4d-4e6f-8890-abcdef123456"
    streaming: bool = True
    extras: tuple[Extra, ...] = ()

    @property
    def ends(self) -> float:
        return self.begins + self.seconds

    def has_begun(self, now: float) -> bool:
        return self.begins <= now

    def has_ended(self, now: float) -> bool:
        return self.ends <= now

    def is_paused(self, now: float) -> bool:
        if self.pause is None or self.has_ended(now):
            return False
        return self.pause[0] <= now - self.begins < self.pause[1]

    def status(self, now: float) -> str:
        if self.has_ended(now):
            return self.final
        return "paused" if self.is_paused(now) else "running"

    def steps_done(self, now: float) -> int:
        """Return the number of its steps: 0 while it runs, as servers say."""
        if not self.has_ended(now) and not self.is_paused(now):
            return 0
        if self.step_count is not None:
            return self.step_count
        return sum(1 for step in self.steps if self.begins + step.begins <= now)

    def elapsed(self, now: float) -> float:
        """Return the seconds it worked: 0 while it runs; a pause does not count."""
        if self.has_ended(now):
            paused = 0.0
            if self.pause is not None and self.pause[0] < self.seconds:
                paused = min(self.pause[1], self.seconds) - self.pause[0]
            return round(self.seconds - paused, 6)
        if self.pause is not None and self.is_paused(now):
            return round(self.pause[0], 6)
        return 0.0

    def end(self, now: float, final: str, error: str | None = None) -> None:
        """End it now, whatever was planned."""
        self.seconds = max(0.0, now - self.begins)
        self.final = final
        self.error = error

    def resume(self, now: float) -> None:
        """End its pause now, whatever was planned."""
        if self.pause is not None:
            self.pause = (self.pause[0], max(self.pause[0], now - self.begins))

    @cached_property
    def stored(self) -> str:
        """Inputs and outputs as the database holds them, their letters not escaped."""
        return "\n".join(
            part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)
            for part in (self.inputs, self.outputs)
            if part is not None
        )

    @cached_property
    def stored_escaped(self) -> str:
        return "\n".join(
            json.dumps(part) if not isinstance(part, str) else part
            for part in (self.inputs, self.outputs)
            if part is not None
        )


@dataclass
class AppRow:
    """A row of the app's log.

    Attributes:
        stamp: When its run began; also of a row whose run is gone.
        by: Who started it; None if they were deleted since.
        role: ``end_user`` or ``account``.
        late: Seconds its run's own record comes after the row.
        odd_word: A word of its record the server does not know: it cannot be listed,
            nor can the page it is on.
        odd_kind: What the server takes that word for.
    """

    id: str
    stamp: float
    run: AppRun | None
    by: AppPerson | None
    created_from: str = "service-api"
    role: str = "end_user"
    late: float = 0.0
    odd_word: str = ""
    odd_kind: str = "EndUserType"

    def created_at(self, release: AppRelease) -> int:
        """Return its second.

        A database rounds to the nearest, so that a row may be a second after its run
        and half a second in the future.
        """
        return math.floor(self.logged(release) + 0.5)

    def logged(self, release: AppRelease) -> float:
        """Return when it is there: at the begin, on old releases at the end."""
        if self.run is None or release.lists_running:
            return self.stamp
        return self.run.ends

    def run_at(self, now: float) -> AppRun | None:
        return self.run if self.stamp + self.late <= now else None
