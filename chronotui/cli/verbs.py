"""Every verb and option of the command line, as one table."""

from __future__ import annotations

from chronotui.cli.option import (
    Verb,
    choice,
    count,
    flag,
    port,
    positive,
    value,
    word,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from chronotui.cli.option import Option

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
_SAVE = Verb(
    "save",
    "save the log of a job; of a running one, to its end",
    "save:save",
    (
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
            says="txt as the server gives it, txt with time, or entries",
            of=("txt", "txt-time", "jsonl", "json"),
            default="txt",
        ),
        _STREAM,
        value("--query", says="only lines the server finds with this", named="Q"),
        flag("--force", says="replace an existing file; begin a recording again"),
        flag("--keep-part", says="keep an unfinished file as .part"),
    ),
)
_RUNS = Verb(
    "runs",
    "list the workflow runs of a Dify app",
    "runs:runs",
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
    "demo:demo",
    (
        flag("--serve", says="only serve, without the desk"),
        value(
            "--port", says="port to serve on; 0 takes a free one", named="N", type=port
        ),
        choice(
            "--kind",
            says="kind of server",
            of=("chronoverse", "dify"),
            default="chronoverse",
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
    choice("--kind", says="kind of server", of=("chronoverse", "dify"), default=None),
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
    Verb("login", "sign in and keep the session", "login:login"),
    Verb("logout", "end the session and forget it", "login:logout"),
    Verb("doctor", "check configuration, files, server and terminal", "doctor:doctor"),
    Verb(
        "completion",
        "print the completions of a shell",
        "completion:completion",
        (choice("shell", says="the shell", of=("bash", "zsh", "fish")),),
    ),
)
