"""What a verb and an option are; parser, help and completions are made of them.

Help must cost next to nothing: what it loads does without `typing` at run time.
"""

from __future__ import annotations

import argparse
from argparse import ArgumentTypeError

from chronotui import SOURCE_KINDS, __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final, NoReturn


class Option:
    """One flag or positional argument.

    Attributes:
        names: Its spellings; a positional has one, without dashes.
        help: What it does.
        settings: What argparse is told besides.
        suggest: Words a shell may offer after it.
        complete: "profile" or "file" where a shell can look words up.
    """

    __slots__ = ("complete", "help", "names", "settings", "suggest")

    def __init__(
        self,
        names: tuple[str, ...],
        says: str,
        settings: dict[str, Any],
        suggest: tuple[str, ...] = (),
        complete: str = "",
    ) -> None:
        self.names = names
        self.help = says
        self.settings = settings
        self.suggest = suggest
        self.complete = complete

    @property
    def takes_value(self) -> bool:
        """Whether a word follows it."""
        return self.settings.get("action") != "store_true"

    @property
    def is_flag(self) -> bool:
        """Whether it begins with dashes."""
        return self.names[0].startswith("-")


class Verb:
    """One command; ``handler`` is ``module:function`` below `chronotui.cli`.

    Options that have to be looked up somewhere are given as a call.
    """

    __slots__ = ("_options", "handler", "help", "name", "verbs")

    def __init__(
        self,
        name: str,
        says: str,
        handler: str = "",
        options: tuple[Option, ...] | Callable[[], tuple[Option, ...]] = (),
        verbs: tuple[Verb, ...] = (),
    ) -> None:
        self.name = name
        self.help = says
        self.handler = handler
        self.verbs = verbs
        self._options = options

    @property
    def options(self) -> tuple[Option, ...]:
        return self._options() if callable(self._options) else self._options


def flag(*names: str, says: str) -> Option:
    """Declare an option that takes no value."""
    return Option(names, says, {"action": "store_true"})


def value(
    *names: str, says: str, named: str, complete: str = "", **more: Any
) -> Option:
    """Declare an option that takes a value, or a positional."""
    return Option(names, says, {"metavar": named, **more}, complete=complete)


def choice(*names: str, says: str, of: tuple[str, ...], **more: Any) -> Option:
    """Declare an option that takes one of a few words."""
    return Option(names, says, {"choices": of, **more}, of)


def word(*names: str, says: str, named: str, known: tuple[str, ...]) -> Option:
    """Declare an option for a server's word: known ones are offered, any is sent."""
    settings = {"metavar": named, "type": str.upper}
    return Option(names, f"{says}: {', '.join(known)}", settings, known)


def positive(text: str) -> int:
    """Read a number from 1."""
    return _at_least(1, text)


def count(text: str) -> int:
    """Read a number from 0."""
    return _at_least(0, text)


def port(text: str) -> int:
    """Read a port number; 0 stands for a free one."""
    number = count(text)
    if number > 65535:
        raise ArgumentTypeError(f"there is no port {number}")
    return number


def _at_least(least: int, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least:
        return int(text)
    raise ArgumentTypeError(f"must be a whole number, {least} or more, not {text!r}")


# Every verb and option of the command line, as one table.


GLOBAL: Final = (
    value(
        "--config",
        says="configuration file (CHRONOTUI_CONFIG)",
        named="FILE",
        complete="file",
    ),
    value(
        "--profile",
        says="profile to use (CHRONOTUI_PROFILE)",
        named="NAME",
        complete="profile",
    ),
    value("--url", says="server to use instead (CHRONOTUI_URL)", named="URL"),
    value(
        "--log-file",
        says="write a diagnostic log without secrets (CHRONOTUI_LOG_FILE)",
        named="FILE",
        complete="file",
    ),
)
DESK: Final = (
    value("--workflow", says="open the desk at this workflow", named="W"),
    value("--job", says="open this job of the workflow", named="J"),
)

_WORKFLOW = value("workflow", says="id, beginning of an id, or exact name", named="W")
_JOB = value("job", says="id, or beginning of an id", named="J")
_STREAM = choice("--stream", says="only this stream", of=("stdout", "stderr"))
_STATUSES = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")
_LIMIT = value("--limit", says="at most so many rows", named="N", type=positive)
_NAME = value("name", says="name of the profile", named="NAME", complete="profile")
_MAYBE_NAME = value(
    "name",
    says="name of the profile; without one, the profile in use",
    named="NAME",
    complete="profile",
    nargs="?",
)


def _form(*forms: str) -> Option:
    return choice(
        "-o", "--output", says="form of the output", of=forms, default=forms[0]
    )


_WORKFLOWS = Verb(
    "workflows",
    "list workflows",
    "lists:workflows",
    (
        value("--query", says="only names the server finds with this", named="Q"),
        flag("--terminated", says="terminated ones instead"),
        _LIMIT,
        _form("table", "json"),
    ),
)
_JOBS = Verb(
    "jobs",
    "list the jobs of a workflow, newest first",
    "lists:jobs",
    (
        _WORKFLOW,
        word("--status", says="only this state", named="S", known=_STATUSES),
        word(
            "--trigger",
            says="only this trigger",
            named="T",
            known=("AUTOMATIC", "MANUAL"),
        ),
        _LIMIT,
        _form("table", "json"),
    ),
)
_LOGS = Verb(
    "logs",
    "print the log of a job, oldest line first",
    "logs:logs",
    (
        _WORKFLOW,
        _JOB,
        flag("-f", "--follow", says="go on live until the job ends"),
        _STREAM,
        value(
            "--grep",
            says="only lines this regular expression finds, smart case",
            named="RE",
        ),
        value(
            "--since",
            says="only lines from a time on: RFC 3339, 14:05, or 15m ago",
            named="T",
        ),
        value("--tail", says="only the last N of the lines", named="N", type=count),
        value("--attempt", says="only this attempt", named="N", type=positive),
        flag("--timestamps", says="put time and stream before each line"),
        _form("text", "jsonl"),
    ),
)


def _save_options() -> tuple[Option, ...]:
    from chronotui.log.formats import SAVE_FORMATS

    *first, last = dict.fromkeys(each.says for each in SAVE_FORMATS)
    return (
        _WORKFLOW,
        _JOB,
        value(
            "-O",
            "--output-path",
            says="file to write; without it, the server's name for it",
            named="PATH",
            complete="file",
            dest="path",
        ),
        choice(
            "--format",
            says=f"{', '.join(first)}, or {last}",
            of=tuple(each.name for each in SAVE_FORMATS),
            default=SAVE_FORMATS[0].name,
        ),
        _STREAM,
        value("--query", says="only lines the server finds with this", named="Q"),
        flag("--force", says="replace an existing file; begin a recording again"),
        flag("--keep-part", says="keep an unfinished file as .part"),
    )


_SAVE = Verb(
    "save",
    "save the log of a job; of a running one, to its end",
    "save:save",
    _save_options,
)
_RUNS = Verb(
    "runs",
    "list the workflow runs of a Dify app",
    "lists:runs",
    (
        value("--status", says="only this state", named="S"),
        value("--keyword", says="only runs with this word", named="K"),
        value("--since", says="from this time on", named="T"),
        value("--until", says="until this time", named="T"),
        value("--user", says="only this end user's session", named="SESSION"),
        value("--account", says="only this account", named="EMAIL"),
        _form("table", "json", "csv"),
    ),
)
_DEMO = Verb(
    "demo",
    "the desk on a built-in server with lifelike workflows",
    "desk:demo",
    (
        flag("--serve", says="only serve, without the desk"),
        value(
            "--port", says="port to serve on; 0 takes a free one", named="N", type=port
        ),
        choice(
            "--kind",
            says="kind of server",
            of=SOURCE_KINDS,
            default=SOURCE_KINDS[0],
        ),
        value("--lines", says="lines of the longest log", named="N", type=count),
        value("--seed", says="seed of the generated world", named="N", type=count),
        choice(
            "--dialect",
            says="wire dialect of the server",
            of=("current", "documented"),
            default="current",
        ),
        *DESK,
    ),
)
_AUTH = (
    choice("--kind", says="kind of server", of=SOURCE_KINDS, default=None),
    choice(
        "--method",
        says="how to sign in",
        of=("session", "bearer", "cookie", "none"),
        default=None,
    ),
    value("--email", says="account of the session login", named="EMAIL"),
    value("--password-command", says="command that prints the password", named="CMD"),
    value("--password-env", says="variable that holds the password", named="VAR"),
    flag("--password-keyring", says="the keyring holds the password"),
    value("--token-command", says="command that prints the token", named="CMD"),
    value("--token-env", says="variable that holds the token", named="VAR"),
    flag("--token-keyring", says="the keyring holds the token"),
    value("--session-command", says="command that prints the cookie", named="CMD"),
    value("--session-env", says="variable that holds the cookie", named="VAR"),
    value(
        "--set",
        says="any other key of the profile, such as poll_seconds=2",
        named="KEY=VALUE",
        action="append",
        default=[],
    ),
    flag("--no-test", says="do not try the connection first"),
)
_PROFILE = Verb(
    "profile",
    "list, show, add, edit, test, choose or remove profiles",
    verbs=(
        Verb(
            "list", "list the profiles", "profiles:show_all", (_form("table", "json"),)
        ),
        Verb(
            "show", "show a profile, secrets left out", "profiles:show", (_MAYBE_NAME,)
        ),
        Verb(
            "add",
            "add a profile to the configuration",
            "profiles:add",
            (
                _NAME,
                value(
                    "--url", says="the server's URL", named="URL", dest="profile_url"
                ),
                *_AUTH,
                flag("--use", says="make it the default"),
            ),
        ),
        Verb(
            "edit",
            "change keys of a profile",
            "profiles:edit",
            (
                _NAME,
                value(
                    "--url", says="the server's URL", named="URL", dest="profile_url"
                ),
                *_AUTH,
                value(
                    "--unset",
                    says="remove a key, so that its default holds",
                    named="KEY",
                    action="append",
                    default=[],
                ),
            ),
        ),
        Verb("test", "try a profile's connection", "profiles:test", (_MAYBE_NAME,)),
        Verb("use", "make a profile the default", "profiles:use", (_NAME,)),
        Verb("remove", "remove a profile and its session", "profiles:remove", (_NAME,)),
    ),
)
VERBS: Final = (
    _WORKFLOWS,
    _JOBS,
    _LOGS,
    _SAVE,
    _RUNS,
    _DEMO,
    _PROFILE,
    Verb("login", "sign in and keep the session", "profiles:login"),
    Verb("logout", "end the session and forget it", "profiles:logout"),
    Verb("doctor", "check configuration, files, server and terminal", "doctor:doctor"),
    Verb(
        "completion",
        "print the completions of a shell",
        "completion:completion",
        (choice("shell", says="the shell", of=("bash", "zsh", "fish")),),
    ),
)


# The parser, made of the table of verbs.


PROGRAM: Final = "chronotui"
_DESCRIPTION: Final = "The log desk for Chronoverse. Without a command, the desk opens."


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the arguments; ``handler`` of the result says what is to run.

    Raises:
        SystemExit: Help or the version was asked for (0), or the arguments cannot
            be taken (2); what there is to say has been said.
    """
    return _parser(argv).parse_args(argv)


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    """Return the parser for these arguments.

    Building all of it takes longer than importing it: a verb that comes first is
    the only one that is needed, and only verbs among the words get their options.
    """
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION, allow_abbrev=False)
    version = f"{PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version)
    _add(parser, GLOBAL)
    _add(parser, DESK)
    parser.set_defaults(handler="desk:desk")
    if not argv:
        return parser
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="verb")
    for verb in [verb for verb in VERBS if verb.name == argv[0]] or VERBS:
        _add_verb(verbs, verb, PROGRAM, whole=verb.name in argv)
    return parser


def _add_verb(
    verbs: argparse._SubParsersAction[_Parser],
    verb: Verb,
    program: str,
    *,
    whole: bool,
) -> None:
    program = f"{program} {verb.name}"
    parser = verbs.add_parser(
        verb.name,
        prog=program,
        help=verb.help,
        description=f"{verb.help[0].upper()}{verb.help[1:]}.",
        allow_abbrev=False,
    )
    if not whole:
        return
    if verb.handler:
        parser.set_defaults(handler=verb.handler)
    _add(parser, verb.options)
    taken = {name for option in verb.options for name in option.names}
    inherited = [one for one in GLOBAL if not taken & set(one.names)]
    _add(parser, inherited, default=argparse.SUPPRESS)
    if verb.verbs:
        inner = parser.add_subparsers(
            title="commands", metavar="COMMAND", dest="subverb", required=True
        )
        for one in verb.verbs:
            _add_verb(inner, one, program, whole=True)


def _add(
    parser: argparse.ArgumentParser, options: Iterable[Option], **more: object
) -> None:
    for option in options:
        settings = {**option.settings, **more}
        parser.add_argument(*option.names, help=option.help, **settings)


class _Parser(argparse.ArgumentParser):
    """Names the command that helps, in the words of all other errors."""

    def error(self, message: str) -> NoReturn:
        self.exit(
            2, f"{PROGRAM}: {message}\n{self.format_usage()}Try {self.prog} --help.\n"
        )
