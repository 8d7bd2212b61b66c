"""Every error a user can meet, as one tree.

ChronotuiError
├── UsageError                 exit 2
│   ├── ConfigError
│   ├── PathRefusedError
│   └── RequestRefusedError    the server's 400, 405, 409
├── AuthError                  exit 3
│   ├── NotSignedInError       401, or a login page
│   │   ├── DownloadNeedsSessionError  401 for a token at the raw download alone
│   │   └── WebPageError           a web page where data was due
│   └── NotAllowedError        403
├── MissingError               exit 4
│   ├── NotFoundError          404
│   └── LogsUnavailableError   412: retention off, HEARTBEAT, wrong state
├── ServerError                exit 5
│   ├── UnreachableError       refused, DNS, TLS, time-out, cut connection
│   ├── OverloadedError        429, 503 with Retry-After
│   │   └── PageTooLargeError      the server cannot send this page of a log
│   ├── FailedAnswerError      5xx, proxy pages
│   ├── UnreadableAnswerError  not what the contract says
│   └── UnansweredActionError  something was to be changed; nobody knows whether it was
├── IncompleteError            exit 6
│   └── DownloadError          cut, trailed, short, disk full
└── CancelledByUserError       exit 130
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Answer(NamedTuple):
    """What was answered, where an error comes from an answer.

    ``is_plain`` tells the server's own words (plain text or JSON) from a page that a
    proxy may have put in their place.
    """

    status: int
    is_plain: bool


class ChronotuiError(Exception):
    """An error with words for the user.

    Args:
        sentence: What happened, one sentence, the server's own words included
            (already cleaned of control characters by whoever puts them in).
        next_step: What the user can do, naming the key or the command.

    Attributes:
        answer: The answer it comes from; None where none came.
        route: What was asked when it happened: a request's kind, such as ``job``,
            ``log_page``, ``live`` or ``login``; "" where nothing was.
        retry_after: The wait the server asked for, in seconds; None if it did not.
    """

    title: ClassVar[str] = "Something went wrong"
    exit_code: ClassVar[int] = 5
    answer: Answer | None = None
    route: str = ""
    retry_after: float | None = None

    def __init__(self, sentence: str, *, next_step: str = "") -> None:
        self.sentence = sentence or self.title
        self.next_step = next_step
        super().__init__(self.sentence)

    def __str__(self) -> str:
        """Return the sentence, ended where the server's words did not, and the step."""
        if not self.next_step:
            return self.sentence
        is_ended = self.sentence.rstrip("”").endswith((".", "!", "?", "…"))
        return f"{self.sentence}{'' if is_ended else '.'} {self.next_step}"


class UsageError(ChronotuiError):
    """The command, the configuration or the request cannot be taken as it is."""

    title = "That cannot be done as asked"
    exit_code = 2


class ConfigError(UsageError):
    """The configuration file is wrong; the sentence names file, line and key."""

    title = "The configuration needs a correction"


class PathRefusedError(UsageError):
    """A path that exists already, is a folder, or may not be written."""

    title = "That path cannot be used"


class RequestRefusedError(UsageError):
    """The server does not take what was asked."""

    title = "The server refused the request"


class AuthError(ChronotuiError):
    """Not signed in, or signed in without the right."""

    title = "Not signed in"
    exit_code = 3


class NotSignedInError(AuthError):
    """The session or token is missing, wrong or has ended."""


class DownloadNeedsSessionError(NotSignedInError):
    """The raw download takes only a session; the log's pages may still be read."""


class WebPageError(NotSignedInError):
    """A web page came where data was due: a sign-in page, a proxy's, another server's.

    In the middle of a watch it is an outage, for that is what a proxy shows then.
    """

    title = "Not the server's own answer"


class NotAllowedError(AuthError):
    """The account may not see this."""

    title = "Not allowed"


class MissingError(ChronotuiError):
    """What was asked for is not there."""

    title = "Not there"
    exit_code = 4


class NotFoundError(MissingError):
    """No such workflow, job or address."""

    title = "Not found"


class LogsUnavailableError(MissingError):
    """The server keeps no log of this job by policy."""

    title = "No log to show"


class ServerError(ChronotuiError):
    """The server cannot be reached or fails; trying again may help."""

    title = "The server does not answer as it should"
    exit_code = 5


class UnreachableError(ServerError):
    """No connection, or one that broke.

    Attributes:
        was_sent: Whether the server may have had the request.
    """

    title = "The server cannot be reached"
    was_sent = True


class OverloadedError(ServerError):
    """The server asks to slow down; ``retry_after`` if it said for how long."""

    title = "The server asks to slow down"

    def __init__(
        self, sentence: str, *, next_step: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, next_step=next_step)
        self.retry_after = retry_after


class PageTooLargeError(OverloadedError):
    """A page of a log is too large for the server to send, now and later.

    Asking for it again makes the server refuse others for a while: once a minute at
    most.
    """

    title = "This page is too large for the server"


class FailedAnswerError(ServerError):
    """The server, or a proxy before it, failed to answer."""

    title = "The server failed"


class UnreadableAnswerError(ServerError):
    """The answer is not what the contract says: broken JSON, wrong shape."""

    title = "The server's answer cannot be read"


class UnansweredActionError(ServerError):
    """An action was sent and not answered: it may have been done, or not."""

    title = "Nobody knows whether that was done"


class IncompleteError(ChronotuiError):
    """Something was delivered, but not all of it."""

    title = "Incomplete"
    exit_code = 6


class DownloadError(IncompleteError):
    """A download that is not the whole log: cut, trailed, short, or no space."""

    title = "The download is incomplete"


class CancelledByUserError(ChronotuiError):
    """The user stopped it; what was begun is cleaned up."""

    title = "Cancelled"
    exit_code = 130


def own_fault(doing: str, fault: BaseException, next_step: str = "") -> ChronotuiError:
    """Return a fault of the program itself as an error; only its kind is told.

    ``doing`` is what it stopped, e.g. ``in the watch``.
    """
    words = f"chronotui failed {doing} ({type(fault).__name__})."
    return ChronotuiError(words, next_step=next_step)
