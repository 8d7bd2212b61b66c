"""Every way a server, or what stands in its place, does not do as asked."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from chronotui.errors import (
    ChronotuiError,
    FailedAnswerError,
    LogsUnavailableError,
    NotAllowedError,
    NotFoundError,
    NotSignedInError,
    OverloadedError,
    RequestRefusedError,
    UnreachableError,
    UnreadableAnswerError,
    WebPageError,
)
from chronotui.sources.dify.client import open_dify
from chronotui.sources.dify.refusals import OddRowError, read_envelope, refusal
from chronotui.sources.protocol import BearerAuth, SessionAuth

if TYPE_CHECKING:
    from tests.sources.conftest import Answer, MakePeer, Received
    from tests.sources.dify.conftest import MakeApp, OpenApp

PAGE = "<!DOCTYPE html><html><body>Welcome</body></html>"
PYDANTIC = (
    "1 validation error for WorkflowLogQuery\nlimit\n  Input should be less than or "
    "equal to 100 [type=less_than_equal, input_value='101', input_type=str]\n    For "
    "further information visit https://errors.pydantic.dev/2.11/v/less_than_equal"
)
JSON = {"content-type": "application/json"}
KEY = "app-pa55w0rd"


def envelope(code: str, message: str, status: int) -> bytes:
    return json.dumps({"code": code, "message": message, "status": status}).encode()


TOLD: list[tuple[int, bytes, type[ChronotuiError], str]] = [
    (401, envelope("unauthorized", "Access token is invalid", 401), NotSignedInError,
     "Dify does not take the API key (401): “Access token is invalid”"),
    (403, envelope("forbidden", "The app's API service has been disabled.", 403),
     NotAllowedError, "(403): “The app's API service has been disabled.”"),
    (403, envelope("forbidden", "The workspace's status is archived.", 403),
     NotAllowedError, "archived"),
    (404, envelope("not_found", "Workflow run not found. You have requested this URI "
     "but did you mean /v1/x ?", 404), NotFoundError, "Dify does not have that (404)"),
    (400, envelope("not_workflow_app", "Please check if your app mode matches the "
     "right API route.", 400), LogsUnavailableError, "no workflow logs (400)"),
    (400, envelope("invalid_param", "Account not found: x@example.com", 400),
     RequestRefusedError, "(400): “Account not found: x@example.com”"),
    (400, envelope("invalid_param", PYDANTIC, 400), RequestRefusedError,
     "(400): “limit: Input should be less than or equal to 100”"),
    (400, b'{"errors":{"limit":"Invalid argument: 101"},"message":"Input payload"}',
     RequestRefusedError, "“limit: Invalid argument: 101”"),
    (400, b'{"errors":{"status":"\'x\' is not a valid choice"},"message":"m"}',
     RequestRefusedError, "is not a valid choice"),
    (400, b'{"code":"invalid_param","message":"bad","params":"status","status":400}',
     RequestRefusedError, "(400): “bad”"),
    (400, envelope("invalid_param", "'x1' is not a valid EndUserType", 400),
     OddRowError, "stumbles over a row of its own (400): “'x1' is not"),
    (400, envelope("invalid_param", "Too many requests. Please try again later.", 400),
     OverloadedError, "asks to slow down (400)"),
    (429, envelope("rate_limit_error", "quota", 429), OverloadedError, "“quota”"),
    (500, envelope("unknown", "Internal Server Error", 500), FailedAnswerError,
     "The server failed (500): “Internal Server Error”"),
    (400, b"{}", RequestRefusedError, "(400)"),
    (400, b"[1]", RequestRefusedError, "(400): “[1]”"),
    (400, b"plain words", RequestRefusedError, "(400): “plain words”"),
    (403, b'{"message":null}', NotAllowedError, "(403)"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind", "words"), TOLD)
def test_each_refusal_has_its_sentence(
    status: int, body: bytes, kind: type[ChronotuiError], words: str
) -> None:
    error = refusal(status, JSON, body)
    assert type(error) is kind
    assert words in error.sentence
    assert "pydantic" not in str(error)
    assert "Chronoverse" not in str(error)
    assert error.answer is not None
    assert error.answer.status == status


def test_words_of_a_server_are_cleaned_and_bounded() -> None:
    body = envelope("x", "\x1b[31mred\n\u202e" + "long " * 500, 400)
    error = refusal(400, JSON, body)
    assert error.sentence.isprintable()
    assert len(error.sentence) < 300
    assert read_envelope(b"\xff\xfe").said.isprintable()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (404, NotFoundError, "A web page came instead of Dify's API (404)"),
        (405, NotFoundError, "A web page came instead of Dify's API (405)"),
        (429, OverloadedError, "asks to slow down"),
        (502, FailedAnswerError, "The proxy before the server failed (502)"),
        (504, FailedAnswerError, "The proxy before the server failed (504)"),
        (401, NotSignedInError, "(401)"),
        (302, UnreadableAnswerError, "points elsewhere"),
    ],
)
def test_a_web_page_is_told_by_its_status(
    status: int, kind: type[ChronotuiError], words: str
) -> None:
    error = refusal(status, {"content-type": "text/html"}, PAGE.encode())
    assert type(error) is kind
    assert words in error.sentence
    assert "Welcome" not in str(error)
    assert "Chronoverse" not in str(error)


# The look before the key is sent.

FOREIGN = {
    "the console": ((200, PAGE, "text/html"), "a web page came (200)"),
    "no /v1": ((404, PAGE, "text/html"), "a web page came (404)"),
    "another's 401": ((401, '{"error":"no"}', "application/json"), "a form of its own"),
    "a plain 401": ((401, "no", "text/plain"), "a form of its own"),
    "open to all": ((200, '{"name":"x"}', "application/json"), "answers 200"),
    "other JSON": ((404, '{"detail":"no"}', "application/json"), "answers 404"),
}


@pytest.mark.parametrize(("reply", "seen"), FOREIGN.values(), ids=FOREIGN)
async def test_no_key_goes_to_what_is_not_dify(
    *,
    make_peer: MakePeer,
    open_app: OpenApp,
    answer: Answer,
    reply: tuple[int, str, str],
    seen: str,
) -> None:
    status, body, kind = reply
    peer = await make_peer(lambda *_: answer(status, body, kind=kind))
    with pytest.raises(UnreadableAnswerError) as caught:
        await open_app(f"{peer.url}/api", KEY).workflows()
    assert "is not the base of a Dify API: " in caught.value.sentence
    assert seen in caught.value.sentence
    assert "forgot /v1?" in caught.value.next_step
    assert caught.value.route == "server_check"
    assert KEY not in repr([(one.target, one.headers) for one in peer.received])


@pytest.mark.parametrize(("status", "kind"), [(502, "text/html"), (429, "text/html")])
async def test_a_passing_failure_is_no_verdict(
    *, make_peer: MakePeer, open_app: OpenApp, answer: Answer, status: int, kind: str
) -> None:
    peer = await make_peer(lambda *_: answer(status, PAGE, kind=kind))
    source = open_app(peer.url, KEY)
    for _ in range(2):
        with pytest.raises((FailedAnswerError, OverloadedError)):
            await source.check_server()


async def test_the_console_is_named_where_v1_is_forgotten(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app()
    with pytest.raises(UnreadableAnswerError, match="not the base of a Dify API"):
        await open_app(f"{app.origin}/apps").sign_in()


# Behind the look: the first answer is Dify's own, then something else comes.


def after_check(answer: Answer, *later: bytes) -> object:
    replies = [answer(401, envelope("unauthorized", "no", 401)), *later]
    return lambda *_: replies.pop(0) if len(replies) > 1 else replies[0]


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        ((200, PAGE, "text/html"), WebPageError, "not the base of a Dify API (forgot"),
        ((200, PAGE, "application/json"), WebPageError, "forgot /v1?"),
        (
            (200, '{"data":[{"id', "application/json"),
            UnreadableAnswerError,
            "cut short",
        ),
        ((200, "", "application/json"), UnreadableAnswerError, "cut short"),
        ((200, '{"data":[7]}', "application/json"), UnreadableAnswerError, "no object"),
        ((502, PAGE, "text/html"), FailedAnswerError, "The proxy before the server"),
        ((404, PAGE, "text/html"), NotFoundError, "A web page came instead of Dify"),
    ],
)
async def test_a_list_that_is_none_is_told(
    *,
    make_peer: MakePeer,
    open_app: OpenApp,
    answer: Answer,
    reply: tuple[int, str, str],
    kind: type[ChronotuiError],
    words: str,
) -> None:
    status, body, media = reply
    script = after_check(answer, answer(status, body, "X-Version: 1.14.2", kind=media))
    peer = await make_peer(script)
    source = open_app(peer.url, KEY)
    with pytest.raises(kind) as caught:
        await source.jobs("app")
    assert words in caught.value.sentence
    assert "Chronoverse" not in str(caught.value)
    assert caught.value.route == "runs"
    assert source.version == "1.14.2"


async def test_a_wrong_key_is_told_in_the_servers_words_and_not_repeated(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app()
    with pytest.raises(NotSignedInError) as caught:
        await open_app(app.url, "app-wrong").sign_in()
    assert "“Access token is invalid”" in caught.value.sentence
    assert "begins with app-" in caught.value.next_step
    assert "app-wrong" not in str(caught.value)
    assert app.requests.count() == 2


async def test_the_key_of_a_knowledge_base_is_not_even_sent(
    make_app: MakeApp, open_app: OpenApp
) -> None:
    app = make_app()
    with pytest.raises(NotSignedInError, match="knowledge base") as caught:
        await open_app(app.url, "dataset-9f3c").sign_in()
    assert "9f3c" not in str(caught.value)
    assert app.requests.count() == 1


async def test_a_new_key_is_taken_up_in_mid_watch(make_app: MakeApp) -> None:
    app = make_app()
    keys = [app.key]

    async def key() -> str:
        return keys[-1]

    source = open_dify(app.url, BearerAuth(key))
    await source.sign_in()
    app.door.key = "app-rotated"
    keys.append("app-rotated")
    assert (await source.jobs("app")).items
    await source.aclose()


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("The app's API service has been disabled.", "API access"),
        ("The app no longer exists, please contact the administrator.", "is there"),
        ("The workspace's status is archived.", "owner of the workspace"),
        ("The app's status is abnormal, please contact the administrator.", "Ask whoe"),
    ],
)
async def test_a_shut_app_says_why(
    make_app: MakeApp, open_app: OpenApp, words: str, step: str
) -> None:
    app = make_app()
    app.door.shut = words
    with pytest.raises(NotAllowedError) as caught:
        await open_app(app.url).jobs("app")
    assert words in caught.value.sentence
    assert step in caught.value.next_step


async def test_an_answer_that_never_comes_is_given_up(
    make_peer: MakePeer, open_app: OpenApp, answer: Answer, monkeypatch: object
) -> None:
    async def silence(request: Received, _writer: object) -> bytes:
        if "authorization" not in request.headers:
            return answer(401, envelope("unauthorized", "no", 401))
        await asyncio.sleep(30)
        return b""

    peer = await make_peer(silence)
    source = open_app(peer.url, KEY, timeout_seconds=0.2)
    with pytest.raises(UnreachableError, match="did not answer in time"):
        await source.workflows()


async def test_a_list_may_take_longer_than_the_profiles_time_out(
    make_peer: MakePeer, open_app: OpenApp, answer: Answer
) -> None:
    waited: list[str] = []

    async def slow(request: Received, _writer: object) -> bytes:
        if "authorization" not in request.headers:
            return answer(401, envelope("unauthorized", "no", 401))
        await asyncio.sleep(0.5)
        waited.append(request.path)
        return answer(200, '{"data":[{"id":"a","created_at":5}],"total":1}')

    peer = await make_peer(slow)
    page = await open_app(peer.url, KEY, timeout_seconds=0.2).jobs("app")
    assert ([job.id for job in page.items], waited) == (["a"], ["/v1/workflows/logs"])


async def test_e_mail_and_password_are_no_way_in(make_app: MakeApp) -> None:
    async def password() -> str:
        return "secret"

    app = make_app()
    source = open_dify(app.url, SessionAuth("me@example.com", password))
    with pytest.raises(NotSignedInError, match="no e-mail and password"):
        await source.sign_in()
    assert not app.load.changes
    await source.aclose()


async def test_a_redirect_elsewhere_names_dify(
    make_peer: MakePeer, open_app: OpenApp, answer: Answer
) -> None:
    script = after_check(answer, answer(302, "", "Location: https://elsewhere.example"))
    peer = await make_peer(script)
    with pytest.raises(FailedAnswerError) as caught:
        await open_app(peer.url, KEY).jobs("app")
    assert "If Dify lives there" in caught.value.next_step
