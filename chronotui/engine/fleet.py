"""The fleet: what runs and what failed over all workflows, within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chronotui.engine.timing import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chronotui.errors import ChronotuiError
    from chronotui.model import Job, Workflow
    from chronotui.sources.protocol import ListSource
    from chronotui.tree.health import WorkflowHealth


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How workflows are read.

    Attributes:
        requests_per_minute: After the opening sweep (profile's key).
        failed_since_seconds: A job that failed within these has failed lately.
        at_once: Requests of the opening sweep at a time.
    """

    requests_per_minute: float = 60.0
    failed_since_seconds: float = 86_400.0
    at_once: int = 4


class Fleet:
    """Reads the newest jobs of every living workflow, and reads them again."""

    def __init__(
        self,
        client: ListSource,
        *,
        settings: FleetSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self.settings = settings or FleetSettings()
        self._clock = clock or Clock()
        self.problem: ChronotuiError | None = None
        """What stands between the fleet and the server now, None if nothing."""
        self.is_sweeping = False
        """Whether the opening sweep goes on."""

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` on the loop after changes; return what ends that."""
        raise NotImplementedError

    @property
    def workflows(self) -> Sequence[str]:
        """The ids of the living workflows, in the server's order."""
        raise NotImplementedError

    def workflow(self, workflow_id: str) -> Workflow | None:
        raise NotImplementedError

    def jobs(self, workflow_id: str) -> tuple[Job, ...]:
        """The jobs of a workflow as far as read, newest first."""
        raise NotImplementedError

    def age(self, workflow_id: str) -> float | None:
        """Seconds since a workflow's jobs were read, None while they were not."""
        raise NotImplementedError

    def health(self, workflow_id: str) -> WorkflowHealth | None:
        raise NotImplementedError

    def usual_seconds(self, workflow_id: str) -> float | None:
        raise NotImplementedError

    @property
    def progress(self) -> tuple[int, int | None]:
        """How many workflows were read, of how many; None until all are listed."""
        raise NotImplementedError

    @property
    def requests_last_minute(self) -> int:
        raise NotImplementedError

    def want(self, workflow_ids: Iterable[str]) -> None:
        """Ask sooner for these, which somebody looks at; no longer for others."""
        raise NotImplementedError

    def put(self, workflow_id: str, jobs: Sequence[Job]) -> None:
        """Take over what was read elsewhere: newest first, from the newest on."""
        raise NotImplementedError

    def cut_sweep(self) -> None:
        """Leave the rest of the opening sweep to the budget."""
        raise NotImplementedError

    def ask_now(self) -> None:
        """Ask again at once after a failure, within the budget."""
        raise NotImplementedError

    def signed_in(self) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Sweep, then read again within the budget, until cancelled."""
        raise NotImplementedError
