"""An app's server in memory, for what only its answers decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chronotui.model import Job, JobFilter, JobStatus, Page, Trigger, Workflow
from chronotui.model import WorkflowKind as Kind
from chronotui.sources.protocol import DIFY, KINDS, Capabilities

if TYPE_CHECKING:
    import pytest

    from chronotui.errors import ChronotuiError

EVERYTHING = JobFilter()


def run_of(
    number: int,
    status: JobStatus = JobStatus.COMPLETED,
    *,
    ahead: float = -100.0,
    **known: Any,
) -> Job:
    """Return a run that began so many seconds ahead of now."""
    at = datetime.now(UTC) + timedelta(seconds=ahead)
    return Job(
        id=f"row-{number}",
        workflow_id="app",
        status=status,
        trigger=Trigger("app-run"),
        created_at=at,
        run_id=f"{number:08x}-run",
        **known,
    )


@dataclass
class ScriptedApp:
    """Answers as its attributes say, and keeps what it was asked."""

    app: Workflow = field(
        default_factory=lambda: Workflow(
            "app", "Nightly ETL", Kind("workflow"), labels=("workflow", "dify 1.14.2")
        )
    )
    page: Page[Job] = field(default_factory=lambda: Page((), total=0))
    can_follow: bool = True
    clock_skew: float | None = 0.0
    refused_list: ChronotuiError | None = None
    refused_key: ChronotuiError | None = None
    asked: list[str] = field(default_factory=list)
    version: str = "1.14.2"
    origin: str = "https://dify.test"

    @property
    def capabilities(self) -> Capabilities:
        return replace(DIFY.capabilities, follow=self.can_follow)

    def opened_by(self, monkeypatch: pytest.MonkeyPatch) -> ScriptedApp:
        """Be what is opened for every profile of the kind."""
        kind = replace(DIFY, opener=f"{__name__}:_open_scripted")
        monkeypatch.setitem(KINDS, DIFY.name, kind)
        monkeypatch.setitem(globals(), "_open_scripted", lambda *_, **__: self)
        return self

    async def check_server(self) -> None:
        self.asked.append("check_server")

    async def sign_in(self) -> None:
        self.asked.append("sign_in")
        if self.refused_key is not None:
            raise self.refused_key

    async def aclose(self) -> None:
        self.asked.append("aclose")

    async def workflows(self, **_asked: Any) -> Page[Workflow]:
        self.asked.append("workflows")
        if self.refused_key is not None:
            raise self.refused_key
        return Page((self.app,))

    async def jobs(
        self, workflow_id: str, *, only: JobFilter = EVERYTHING, **_asked: Any
    ) -> Page[Job]:
        assert (workflow_id, only) == (self.app.id, EVERYTHING)
        self.asked.append("jobs")
        if self.refused_list is not None:
            raise self.refused_list
        return self.page

    def why_not_attached(self, job: Job) -> str:
        return "" if job.by else "it was run by an account"
