"""Accounts, sessions and the cookies that carry them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from chronotui.demo.clock import SECOND, number_of
from chronotui.demo.faults import Faults
from chronotui.demo.service import cursor_place, encode_cursor, rfc3339
from chronotui.demo.wire import DemoAnswer, json_value, plain
from chronotui.demo.workflow import make_id

if TYPE_CHECKING:
    from chronotui.demo.service import Call
    from chronotui.demo.wire import Request
    from chronotui.demo.workflow import DemoJob, DemoWorkflow

_LOOPBACK: Final = {"localhost", "127.0.0.1", "::1"}


@dataclass
class DemoSession:
    """A signed-in user's session."""

    email: str
    csrf: str
    ends_at: float


@dataclass
class Accounts:
    """Who may sign in, and who is.

    Attributes:
        passwords: By email.
        token: The bearer token the documented dialect takes.
        public_url: What the server believes its own address is; decides ``Secure``
            and ``Domain`` of the cookies (WIRE.md "Authentication").
        session_seconds: How long a session lasts.
        faults: May say otherwise.
        documented: Whether credentials are refused as documented, with 401.
    """

    passwords: dict[str, str]
    token: str
    public_url: str = "http://127.0.0.1"
    session_seconds: float = 7200.0
    faults: Faults = field(default_factory=Faults)
    documented: bool = False
    sessions: dict[str, DemoSession] = field(default_factory=dict)

    def login(self, request: Request) -> DemoAnswer:
        """Answer ``POST /auth/login``."""
        credentials = _credentials(request)
        if credentials is None:
            return plain(400, "invalid request body")
        email, password = credentials
        known = self.passwords.get(email)
        if known != password:
            if self.documented:
                return plain(401, "invalid email or password")
            return plain(404 if known is None else 400, "failed to login user")
        return self._signed_in(email)

    def register(self, request: Request) -> DemoAnswer:
        """Answer ``POST /auth/register``."""
        credentials = _credentials(request)
        if credentials is None:
            return plain(400, "invalid request body")
        email, password = credentials
        if "@" not in email or not 8 <= len(password.encode()) <= 72:
            return plain(400, "invalid email or password")
        if email in self.passwords:
            return plain(409, "user already exists")
        self.passwords[email] = password
        return self._signed_in(email)

    def open_session(self, email: str) -> tuple[str, str]:
        """Sign a user in without a request; return the session and its csrf."""
        name = os.urandom(48).hex()
        csrf = f"{os.urandom(16).hex()}${int(time.time())}"
        ends_at = time.monotonic() + self._lifetime()
        self.sessions[name] = DemoSession(email, csrf, ends_at)
        return name, csrf

    def end_sessions(self) -> None:
        """End every session now; the next call of each answers 401."""
        self.sessions.clear()

    def _lifetime(self) -> float:
        own = self.faults.session_seconds
        return self.session_seconds if own is None else own

    def _signed_in(self, email: str) -> DemoAnswer:
        session, csrf = self.open_session(email)
        age = int(self._lifetime())
        return DemoAnswer(201, headers=self._cookies(session, csrf, age))

    def _cookies(self, session: str, csrf: str, age: int) -> list[tuple[str, str]]:
        own = urlsplit(self.public_url)
        rest = f"Path=/; Max-Age={age}; HttpOnly"
        if own.hostname and own.hostname not in _LOOPBACK:
            rest = f"Path=/; Domain={own.hostname}; Max-Age={age}; HttpOnly"
        if own.scheme == "https":
            rest += "; Secure"
        rest += "; SameSite=Strict"
        return [
            ("Set-Cookie", f"session={session}; {rest}"),
            ("Set-Cookie", f"csrf={csrf}; {rest}"),
        ]

    def session(self, request: Request) -> DemoSession | None:
        """Return the session a request's cookie stands for, if it is still good."""
        session = self.sessions.get(request.cookies.get("session", ""))
        if session is None or time.monotonic() >= session.ends_at:
            return None
        return session

    def has_token(self, request: Request) -> bool:
        """Tell whether a request carries the bearer token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and token.strip() == self.token

    def refuse_change(self, request: Request) -> DemoAnswer | None:
        """Return why a request may not change anything, None if it may."""
        session = self.session(request)
        if session is None:
            return plain(401, "invalid or expired session")
        csrf = request.cookies.get("csrf", "")
        if not csrf:
            return plain(400, "csrf token not found")
        return None if csrf == session.csrf else plain(401, "invalid csrf token")

    def validate(self, request: Request) -> DemoAnswer:
        """Answer ``POST /auth/validate``."""
        return self.refuse_change(request) or DemoAnswer(200)

    def logout(self, request: Request) -> DemoAnswer:
        """Answer ``POST /auth/logout``."""
        refused = self.refuse_change(request)
        if refused is not None:
            return refused
        self.sessions.pop(request.cookies["session"], None)
        return DemoAnswer(204, headers=self._cookies("", "", 0))


def _credentials(request: Request) -> tuple[str, str] | None:
    try:
        body = request.json()
    except ValueError:
        return None
    email, password = body.get("email"), body.get("password")
    if isinstance(email, str) and isinstance(password, str):
        return email, password
    return None


# The user, notifications and totals.


def login(call: Call) -> DemoAnswer:
    """Answer ``POST /auth/login``."""
    return call.service.accounts.login(call.request)


def register(call: Call) -> DemoAnswer:
    """Answer ``POST /auth/register``."""
    return call.service.accounts.register(call.request)


def validate(call: Call) -> DemoAnswer:
    """Answer ``POST /auth/validate``."""
    return call.service.accounts.validate(call.request)


def logout(call: Call) -> DemoAnswer:
    """Answer ``POST /auth/logout``."""
    return call.service.accounts.logout(call.request)


def get_user(call: Call) -> DemoAnswer:
    """Answer ``GET /users``."""
    session = call.service.accounts.session(call.request)
    made = rfc3339(call.world.clock.start_ns - 90 * 86400 * SECOND)
    return json_value(
        {
            "email": session.email if session else "demo@example.com",
            "notification_preference": "ALL",
            "created_at": made,
            "updated_at": made,
        }
    )


def change_user(call: Call) -> DemoAnswer:
    """Answer ``PUT /users``."""
    try:
        wish = call.request.json().get("notification_preference")
    except ValueError:
        wish = None
    return (
        DemoAnswer(204) if wish in ("ALL", "NONE") else plain(400, "invalid preference")
    )


def list_notifications(call: Call) -> DemoAnswer:
    """Answer ``GET /notifications``: one for each of the latest failures."""
    place = cursor_place(call, (int,))
    skip, size = (place[0] if place else 0), call.service.page_size
    failed = [
        job
        for workflow in call.world.workflows
        for job in islice(workflow.jobs(call.now_ns), 50)
        if job.status(call.now_ns) == "FAILED"
    ]
    failed.sort(key=lambda job: job.completed_ns or 0, reverse=True)
    rows = [_notification(call, job) for job in failed[skip : skip + size]]
    cursor = encode_cursor(skip + size) if len(failed) > skip + size else ""
    fields = {"notifications": rows, "cursor": cursor}
    return json_value(call.service.dialect.object(fields))


def _notification(call: Call, job: DemoJob) -> dict[str, Any]:
    own_id = make_id(number_of(job.id), number_of(job.id))
    ended = rfc3339(job.completed_ns or 0)
    read_ns = call.service.read_ns.get(own_id)
    fields = {
        "id": own_id,
        "kind": "WEB_ALERT",
        "payload": f'{{"title":"Job failed","entity_id":"{job.id}"}}',
        "created_at": ended,
        "updated_at": ended,
        "read_at": "" if read_ns is None else rfc3339(read_ns),
    }
    return call.service.dialect.object(fields)


def mark_notifications(call: Call) -> DemoAnswer:
    """Answer ``PUT /notifications``."""
    try:
        ids = call.request.json().get("ids")
    except ValueError:
        ids = None
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        return plain(400, "invalid ids")
    call.service.read_ns.update(dict.fromkeys(ids, call.now_ns))
    return DemoAnswer(204)


def _totals(call: Call, workflow: DemoWorkflow) -> dict[str, Any]:
    recent = list(islice(workflow.jobs(call.now_ns), 200))
    seconds = sum(
        ((job.completed_ns or call.now_ns) - job.attempt_starts_ns[0]) // SECOND
        for job in recent
        if job.attempts(call.now_ns)
    )
    lines = sum(job.log.count(call.now_ns) for job in recent)
    return {
        "total_job_execution_duration": seconds,
        "total_jobs": len(recent),
        "total_joblogs": lines,
    }


def user_totals(call: Call) -> DemoAnswer:
    """Answer ``GET /analytics``, counting the latest 200 jobs of each workflow."""
    each = [_totals(call, workflow) for workflow in call.world.workflows]
    sums = {name: sum(one[name] for one in each) for name in each[0]} if each else {}
    fields = {"total_workflows": len(each), **sums}
    return json_value(call.service.dialect.object(fields))


def workflow_totals(call: Call) -> DemoAnswer:
    """Answer ``GET /analytics/{id}``, counting its latest 200 jobs."""
    workflow = call.workflow()
    fields = {"workflow_id": workflow.id, **_totals(call, workflow)}
    return json_value(call.service.dialect.object(fields))
