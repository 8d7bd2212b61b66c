"""Every verb and option of the command line, as one table, and the parser made of it.

Help and completions come from the table, too. Help must cost next to nothing: what it
loads does without `typing` and `dataclasses` at run time.
"""

from __future__ import annotations

import argparse
import os
import sys
from argparse import ArgumentTypeError

from chronotui import SOURCE_KINDS, __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Final, NoReturn

PROGRAM: Final = "chronotui"
_DESCRIPTION: Final = "The log desk for Chronoverse. Without a command, the desk opens."


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
        return self.settings.get("action") in {None, "append"}

    @property
    def is_flag(self) -> bool:
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

    @property
    def inherited(self) -> list[Option]:
        """The global options it does not have another meaning for."""
        own = {name for option in self.options for name in option.names}
        return [option for option in GLOBAL if not own & set(option.names)]


_COMPLETED: Final = {"FILE": "file", "PATH": "file", "NAME": "profile"}
"""What a shell looks up for a value of this name."""


def option(
    spelled: str,
    says: str,
    *,
    of: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    **settings: Any,
) -> Option:
    """Declare an option.

    Args:
        spelled: Its names, dashes included, and that of the value, in capitals.
        says: What it does.
        of: The words it takes.
        known: Words of a server's that are offered; any is sent.
        settings: What argparse is told besides.
    """
    *names, last = spelled.split()
    named = last if names and last.isupper() else None
    if named is None:
        names.append(last)
    if of:
        settings["choices"] = of
    elif named:
        settings["metavar"] = named
    else:
        settings.setdefault("action", "store_true")
    if known:
        says = f"{says}: {', '.join(known)}"
        settings.setdefault("type", str.upper)
    complete = _COMPLETED.get(named or "", "")
    return Option(tuple(names), says, settings, of or known, complete)


def count(text: str, least: int = 0) -> int:
    if text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least:
        return int(text)
    raise ArgumentTypeError(f"must be a whole number, {least} or more, not {text!r}")


def positive(text: str) -> int:
    return count(text, 1)


def port(text: str) -> int:
    """Read a port number; 0 stands for a free one."""
    number = count(text)
    if number > 65535:
        raise ArgumentTypeError(f"there is no port {number}")
    return number


def _form(*forms: str, **settings: Any) -> Option:
    settings = {"default": forms[0], **settings}
    return option("-o --output", "form of the output", of=forms, **settings)


GLOBAL: Final = (
    option("--config FILE", "configuration file (CHRONOTUI_CONFIG)"),
    option("--profile NAME", "profile to use (CHRONOTUI_PROFILE)"),
    option("--url URL", "server to use instead (CHRONOTUI_URL)"),
    option(
        "--log-file FILE",
        "write a diagnostic log without secrets (CHRONOTUI_LOG_FILE)",
    ),
)
DESK: Final = (
    option("--workflow W", "open the desk at this workflow"),
    option("--job J", "open this job of the workflow; of an app, this run"),
    option("--line PLACE", "go to this line: ATTEMPT:NUMBER[:stderr|stdout]"),
)

_WORKFLOW = option("workflow W", "id, beginning of an id, or exact name")
_NAMED = option(
    "workflow W", "id, beginning of an id, or exact name; of an app, its run alone"
)
_JOB = option("job J", "id, or beginning of an id; an app's run has none", nargs="?")
_STREAM = option("--stream", "only this stream", of=("stdout", "stderr"))
_STATUSES = ("PENDING", "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELED")
_TRIGGERS = ("AUTOMATIC", "MANUAL")
_DIALECTS = ("current", "documented")
_RELEASES = ("1.14.2", "1.13.0", "1.9.2")
_LIMIT = option("--limit N", "at most so many rows", type=positive)
_NAME = option("name NAME", "name of the profile")
_MAYBE_NAME = option(
    "name NAME", "name of the profile; without one, the profile in use", nargs="?"
)

_WORKFLOWS = (
    option("--query Q", "only names the server finds with this"),
    option("--terminated", "terminated ones instead"),
    _LIMIT,
    _form("table", "json"),
)
_JOBS = (
    option(
        "workflow W",
        "id, beginning of an id, or exact name; without one, of all workflows",
        nargs="?",
    ),
    option("--status S", "only this state", known=_STATUSES),
    option("--trigger T", "only this trigger", known=_TRIGGERS),
    _LIMIT,
    _form("table", "json"),
)
_BOARD = (
    _form("table", "json"),
    option(
        "--since T",
        "jobs that failed from a time on: RFC 3339, 14:05, or 15m ago; else 24 h",
    ),
    option(
        "--watch",
        "go on; into a pipe, or with -o json, a line of JSON for each change",
    ),
)
_LOGS = (
    option(
        "workflow W",
        "id, beginning of an id, or exact name; of an app, its run alone",
        nargs="?",
    ),
    _JOB,
    option("more J", "further jobs: all are merged by time", nargs="*"),
    option("--last-failed", "the job of the workflow that failed last"),
    option(
        "--running",
        "all that run, of W or of all, merged by time; with W and -f new runs join",
    ),
    option("--runs", "all jobs of the workflow, one after the other, oldest first"),
    option("--limit N", "with --runs, the newest N", type=positive),
    option("-f --follow", "go on live until the job ends"),
    _STREAM,
    option("--grep RE", "only lines this regular expression finds, smart case"),
    option("--since T", "only lines from a time on: RFC 3339, 14:05, or 15m ago"),
    option("--tail N", "only the last N of the lines, of each job", type=count),
    option("--attempt N", "only this attempt", type=positive),
    option("--timestamps", "put time and stream before each line"),
    _form("text", "jsonl"),
)


_DIFF = (
    _WORKFLOW,
    option("job J", "id, or beginning of an id"),
    option(
        "before J2",
        "job to compare it with; without one, the newest completed one before it",
        nargs="?",
    ),
    _LIMIT,
    _form("table", "json"),
)

_GREP = (
    option("pattern PATTERN", "regular expression, smart case"),
    _WORKFLOW,
    option("--since T", "only runs from a time on: RFC 3339, 14:05, or 15m ago"),
    option("--status S", "only runs in this state", known=_STATUSES),
    option("--since-when", "which run has it and which older one does not"),
    option("-c --count", "print how many lines match in each run"),
    option("-l --list", "print the runs that match", dest="names"),
    _form("text", "jsonl"),
)


_START = (
    _WORKFLOW,
    option("-f --follow", "print the log of the job that starts, until it ends"),
    option("--timestamps", "put time and stream before each line"),
    _form("text", "jsonl"),
    option("--again", "ask again for a start that was not answered, under its key"),
    option("--new", "start another one, and leave what was not answered at that"),
    option("--anyway", "also a workflow that was terminated or is not built"),
)
_TERMINATE = (
    _WORKFLOW,
    # Not the name of a profile, which a shell would offer.
    Option(("--yes",), "do not ask; its name once more", {"metavar": "NAME"}),
)


class _Instead(argparse.Action):
    """An option that runs its own handler, whatever else is or is not named."""

    def __init__(self, *, const: str, **settings: Any) -> None:
        super().__init__(nargs=0, const=const, **settings)

    def __call__(self, *_: object) -> NoReturn:
        raise _InsteadError(self.const)


class _InsteadError(Exception):
    pass


def _save() -> tuple[Option, ...]:
    from chronotui.log.formats import SAVE_FORMATS
    from chronotui.runs.formats import RUN_FORMATS

    names = [each.name for each in (*SAVE_FORMATS, *RUN_FORMATS)]
    *first, last = dict.fromkeys(each.says for each in SAVE_FORMATS)
    of_a_run = " or ".join(each.says for each in RUN_FORMATS)
    says = f"{', '.join(first)}, or {last}; of an app's run, {of_a_run}"
    return (
        _NAMED,
        _JOB,
        option(
            "-O --output-path PATH",
            "file to write; without it, the server's name for it",
            dest="path",
        ),
        option("--format", says, of=tuple(dict.fromkeys(names))),
        _STREAM,
        option("--query Q", "only lines the server finds with this"),
        option("--force", "replace an existing file; begin a recording again"),
        option("--keep-part", "keep an unfinished file as .part"),
        option(
            "--lnav-format",
            "print the file by which lnav reads jsonl; lnav -i takes it",
            action=_Instead,
            const="run_logs:lnav",
        ),
    )


_OUTCOMES = (
    "running",
    "paused",
    "succeeded",
    "partial-succeeded",
    "failed",
    "stopped",
)


def _runs() -> tuple[Option, ...]:
    from chronotui.runs.formats import LIST_FORMATS

    forms = ("table", *sorted(each.name for each in LIST_FORMATS))
    return (
        option("--status S", "only this state", known=_OUTCOMES, type=str),
        option("--keyword K", "only runs with this in their inputs or outputs"),
        option("--since T", "only runs from a time on: RFC 3339, 14:05, or 15m ago"),
        option("--until T", "only runs up to a time"),
        option("--user SESSION", "only runs by an end user, by the session id"),
        option("--account EMAIL", "only runs by an account, by its e-mail"),
        _LIMIT,
        _form(*forms, default=None),
        option("-O --output-path PATH", "write a file instead", dest="path"),
        option("--force", "replace an existing file"),
    )


_DEMO = (
    option("--serve", "only serve, without the desk"),
    option("--port N", "port to serve on; 0 takes a free one", type=port),
    option("--kind", "kind of server", of=SOURCE_KINDS, default=SOURCE_KINDS[0]),
    option("--lines N", "lines of the longest log, or runs of an app", type=count),
    option("--fleet N", "number of workflows, many of them in trouble", type=count),
    option("--seed N", "seed of the generated world", type=count),
    option("--dialect", "wire dialect of a Chronoverse server", of=_DIALECTS),
    option("--server-version", "release of a Dify server", of=_RELEASES),
    *DESK,
)


def _profile(*more: Option) -> tuple[Option, ...]:
    from chronotui.storage.settings import METHODS

    return (
        _NAME,
        option("--url URL", "the server's URL", dest="profile_url"),
        option("--kind", "kind of server", of=SOURCE_KINDS),
        option("--method", "how to sign in", of=tuple(METHODS)),
        option("--email EMAIL", "account of the session login"),
        option("--password-command CMD", "command that prints the password"),
        option("--password-env VAR", "variable that holds the password"),
        option("--password-keyring", "the keyring holds the password"),
        option("--token-command CMD", "command that prints the token"),
        option("--token-env VAR", "variable that holds the token"),
        option("--token-keyring", "the keyring holds the token"),
        option("--session-command CMD", "command that prints the cookie"),
        option("--session-env VAR", "variable that holds the cookie"),
        option(
            "--set KEY=VALUE",
            "any other key of the profile, such as poll_seconds=2",
            action="append",
            default=[],
        ),
        option("--no-test", "do not try the connection first"),
        *more,
    )


_UNSET = option(
    "--unset KEY",
    "remove a key, so that its default holds",
    action="append",
    default=[],
)
_USE = option("--use", "make it the default")
_SHELL = option("shell", "the shell", of=("bash", "zsh", "fish"))

_PROFILE_VERBS = (
    Verb("list", "list the profiles", "profiles:show_all", (_form("table", "json"),)),
    Verb("show", "show a profile, secrets left out", "profiles:show", (_MAYBE_NAME,)),
    Verb(
        "add",
        "add a profile to the configuration",
        "profiles:add",
        lambda: _profile(_USE),
    ),
    Verb("edit", "change keys of a profile", "profiles:edit", lambda: _profile(_UNSET)),
    Verb("test", "try a profile's connection", "profiles:test", (_MAYBE_NAME,)),
    Verb("use", "make a profile the default", "profiles:use", (_NAME,)),
    Verb("remove", "remove a profile and its session", "profiles:remove", (_NAME,)),
)
VERBS: Final = (
    Verb("workflows", "list workflows", "lists:workflows", _WORKFLOWS),
    Verb("jobs", "list jobs, newest first", "fleet:jobs", _JOBS),
    Verb(
        "board",
        "show what runs and what failed lately, over all workflows",
        "fleet:board",
        _BOARD,
    ),
    Verb(
        "logs",
        "print the log of a job or of an app's run, oldest line first",
        "run_logs:logs",
        _LOGS,
    ),
    Verb(
        "save",
        "save the log of a job or of an app's run; while it runs, to its end",
        "run_logs:save",
        _save,
    ),
    Verb("grep", "search every retained run of a workflow", "grep:grep", _GREP),
    Verb(
        "diff",
        "what a job's log says that the last good one did not",
        "diff:diff",
        _DIFF,
    ),
    Verb(
        "card",
        "print what happened to a job or to an app's run, as Markdown",
        "card:card",
        (_NAMED, _JOB),
    ),
    Verb(
        "start",
        "run a workflow now, where the profile says actions = true",
        "actions:start",
        _START,
    ),
    Verb(
        "terminate",
        "terminate a workflow, where the profile says actions = true",
        "actions:terminate",
        _TERMINATE,
    ),
    Verb("runs", "list the runs of an app, newest first", "runs:runs", _runs),
    Verb(
        "demo",
        "the desk on a built-in server with lifelike workflows",
        "desk:demo",
        _DEMO,
    ),
    Verb(
        "profile",
        "list, show, add, edit, test, choose or remove profiles",
        verbs=_PROFILE_VERBS,
    ),
    Verb("login", "sign in and keep the session", "profiles:login"),
    Verb("logout", "end the session and forget it", "profiles:logout"),
    Verb("doctor", "check configuration, files, server and terminal", "doctor:doctor"),
    Verb(
        "completion",
        "print the completions of a shell",
        "completion:completion",
        (_SHELL,),
    ),
)


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the arguments; ``handler`` of the result says what is to run.

    Building all of the parser takes longer than importing it: a verb that comes first
    is the only one that is needed, and only verbs among the words get their options.

    Raises:
        SystemExit: Help or the version was asked for (0), or the arguments cannot
            be taken (2); what there is to say has been said.
    """
    try:
        argv = settled(argv)
    except _UnknownOptionError as unknown:
        unknown.parser.error(f"{unknown}")
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION, allow_abbrev=False)
    version = f"{PROGRAM} {__version__}"
    parser.add_argument("--version", action="version", version=version)
    _add(parser, GLOBAL)
    _add(parser, DESK)
    parser.set_defaults(handler="desk:desk")
    if argv:
        verbs = parser.add_subparsers(title="commands", metavar="COMMAND", dest="verb")
        for verb in [verb for verb in VERBS if verb.name == argv[0]] or VERBS:
            _add_verb(verbs, verb, PROGRAM, whole=verb.name in argv)
    try:
        options = parser.parse_args(argv)
    except _InsteadError as named:
        return argparse.Namespace(handler=f"{named}")
    if options.handler == "run_logs:logs" and not (options.workflow or options.running):
        words = "the following arguments are required: W, or --running"
        parser.exit(2, f"{PROGRAM}: {words}\nTry {PROGRAM} logs --help.\n")
    return options


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
        add_help=whole,
    )
    if not whole:
        return
    if verb.handler:
        parser.set_defaults(handler=verb.handler)
    _add(parser, verb.options)
    _add(parser, verb.inherited, default=argparse.SUPPRESS)
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


# Before argparse reads the words: it takes no value that begins with a minus, and no
# argument behind an option once one that may be left out is due.


def settled(argv: list[str]) -> list[str]:
    """Return the words with each value tied to its option, arguments of a verb last.

    Raises:
        _UnknownOptionError: One is not known there.
    """
    flags = _by_name([*GLOBAL, *DESK])
    verbs = {verb.name: verb for verb in VERBS}
    ordered: list[str] = []
    arguments: list[str] = []
    lacking: list[str] = []
    path = [PROGRAM]
    words = iter(argv)
    for word in words:
        if word == "--":
            return [*ordered, *arguments, word, *words]
        if word.startswith("--"):
            _check_known(word.partition("=")[0], flags, path)
        elif word.startswith("-") and word != "-" and word[:2] not in {*flags, "-h"}:
            raise _unknown(
                word[:2], "; an argument that begins with a minus goes after --", path
            )
        if word.startswith("-") and word != "-":
            tied = _tied(word, words, flags)
            (ordered if tied else lacking).extend(tied or [word])
        elif word in verbs:
            verb = verbs[word]
            path.append(word)
            ordered.append(word)
            flags = _by_name([*verb.options, *verb.inherited])
            verbs = {inner.name: inner for inner in verb.verbs}
        else:
            arguments.append(word)
    return [*ordered, *arguments, *lacking]


class _UnknownOptionError(Exception):
    def __init__(self, sentence: str, parser: argparse.ArgumentParser) -> None:
        super().__init__(sentence)
        self.parser = parser


def _check_known(name: str, flags: dict[str, Option], path: list[str]) -> None:
    """Refuse an option that is none, before what follows it is taken for a command."""
    if name in flags or name in {"--help", "--version"}:
        return
    from difflib import get_close_matches

    near = get_close_matches(name, flags, n=1)
    raise _unknown(name, f"; the nearest is {near[0]}" if near else "", path)


def _unknown(name: str, instead: str, path: list[str]) -> _UnknownOptionError:
    parser = _Parser(prog=" ".join(path), usage="%(prog)s [options] ...")
    return _UnknownOptionError(f"there is no option {name} here{instead}", parser)


def _by_name(options: Iterable[Option]) -> dict[str, Option]:
    return {name: option for option in options for name in option.names}


def _tied(word: str, words: Iterator[str], flags: dict[str, Option]) -> list[str]:
    """Return an option with the value that follows it, if it takes one.

    What follows is left alone where it names an option itself. Nothing is returned
    where nothing follows: behind it no argument may be taken for the value.
    """
    name = word if word.startswith("--") else _last_short(word, flags)
    option = flags.get(name)
    if option is None or not option.takes_value:
        return [word]
    value = next(words, None)
    if value is None:
        return []
    if value in flags:
        return [word, *(_tied(value, words, flags) or [value])]
    if word.startswith("--"):
        return [f"{word}={value}"]
    return [f"{word}{value}"] if value else [word, value]


def _last_short(word: str, flags: dict[str, Option]) -> str:
    """Return the last of short options written together, "" where a value follows."""
    for place, letter in enumerate(word[1:], 2):
        option = flags.get(f"-{letter}")
        if option is not None and option.takes_value:
            return f"-{letter}" if place == len(word) else ""
    return ""


class _Formatter(argparse.HelpFormatter):
    """Knows how wide it is: argparse asks `shutil`, which loads every compressor."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_columns() - 2)


def terminal_columns() -> int:
    """Return what ``shutil.get_terminal_size().columns`` is."""
    try:
        columns = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        columns = 0
    if columns <= 0 and sys.__stdout__ is not None:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns
        except (ValueError, OSError):
            columns = 0
    return max(columns, 0) or 80


class _Parser(argparse.ArgumentParser):
    """Names the command that helps, in the words of all other errors."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Formatter, **settings)

    def error(self, message: str) -> NoReturn:
        self.exit(
            2, f"{PROGRAM}: {message}\n{self.format_usage()}Try {self.prog} --help.\n"
        )
