"""Errors as blocks, told by what programs of each language really print."""

from __future__ import annotations

from textwrap import dedent
from typing import Final

import pytest

from chronotui.log.errors import BURST_NS, error_lines
from chronotui.log.finders import LineFilter
from chronotui.log.pattern import compile_pattern
from chronotui.log.rows import Rows
from chronotui.log.search import Search
from chronotui.log.store import LogStore
from chronotui.model import STDERR, STDOUT, LogLine
from tests.log.error_samples import LEAST, SAMPLES, errors_of

PYTHON = """\
    Traceback (most recent call last):
      File "/app/main.py", line 88, in build
        sheet = pivot(frame)
                ^^^^^^^^^^^^
      File "/app/pivot.py", line 31, in pivot
        return frame["region"]
    KeyError: 'region'
"""
PYTHON_CHAINED = f"""{PYTHON}
    During handling of the above exception, another exception occurred:

    Traceback (most recent call last):
      File "/app/main.py", line 91, in build
        raise ReportError("sheet 7") from None
    app.errors.ReportError: sheet 7
"""
PYTHON_CAUSED = f"""{PYTHON}
    The above exception was the direct cause of the following exception:

    Traceback (most recent call last):
      File "/app/main.py", line 91, in build
        raise ReportError("sheet 7") from error
    app.errors.ReportError: sheet 7
"""
PYTHON_GROUP = """\
      + Exception Group Traceback (most recent call last):
      |   File "/app/main.py", line 3, in <module>
      |     asyncio.run(main())
      | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
      +-+---------------- 1 ----------------
        | Traceback (most recent call last):
        |   File "/app/main.py", line 9, in fetch
        |     raise ValueError("bad row")
        | ValueError: bad row
        +---------------- 2 ----------------
        | Traceback (most recent call last):
        |   File "/app/main.py", line 9, in fetch
        |     raise OSError("gone")
        | OSError: gone
        +------------------------------------
"""
PYTHON_SYNTAX = """\
      File "/app/main.py", line 1
        print(
             ^
    SyntaxError: '(' was never closed
"""
PYTHON_THREAD = """\
    Exception in thread Thread-1 (run):
    Traceback (most recent call last):
      File "/usr/lib/python3.11/threading.py", line 1038, in _bootstrap_inner
        self.run()
    RuntimeError: no loop
"""
JAVA = """\
    Exception in thread "main" java.lang.IllegalStateException: cannot load
    \tat com.acme.Loader.run(Loader.java:77)
    \tat java.base/java.lang.Thread.run(Thread.java:840)
    \tSuppressed: java.io.IOException: closing
    \t\tat com.acme.Loader.close(Loader.java:99)
    \t\t... 1 more
    Caused by: java.sql.SQLException: ERROR: relation "a" does not exist
    \tat org.postgresql.Driver.connect(Driver.java:12)
    \t... 12 more
    Caused by: java.net.ConnectException: Connection refused
    \tat java.base/sun.nio.ch.Net.connect0(Native Method)
    \t... 14 more
"""
JAVA_LOGGED = """\
    10:00:00.001 [worker-1] ERROR c.a.Loader - task 7 failed
    java.lang.NullPointerException: Cannot invoke "String.length()"
    \tat com.acme.Loader.run(Loader.java:77)
    \t... 3 common frames omitted
"""
GO = """\
    panic: runtime error: invalid memory address or nil pointer dereference [recovered]
    \tpanic: runtime error: invalid memory address or nil pointer dereference
    [signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6a3f2c]

    goroutine 41 [running]:
    main.(*Policy).Limit(0x0, {0xc0001a2000, 0x4})
    \t/src/policy.go:52 +0x2c
    created by main.main in goroutine 1
    \t/src/main.go:64 +0x3d1

    goroutine 50 [select, 2 minutes]:
    main.worker(0xc000123456)
    \t/src/worker.go:30 +0x9e
    exit status 2
"""
GO_FATAL = """\
    fatal error: all goroutines are asleep - deadlock!

    goroutine 1 [chan receive]:
    main.main()
    \t/src/main.go:8 +0x27
    exit status 2
"""
NODE = """\
    /app/index.js:10
        throw new TypeError("x is not a function");
        ^

    TypeError: x is not a function
        at Object.<anonymous> (/app/index.js:10:9)
        at Module._compile (node:internal/modules/cjs/loader:1256:14)

    Node.js v20.11.0
"""
NODE_CODE = """\
    node:internal/modules/cjs/loader:1080
      throw err;
      ^

    Error: Cannot find module './config'
    Require stack:
    - /app/index.js
        at Module._resolveFilename (node:internal/modules/cjs/loader:1077:15) {
      code: 'MODULE_NOT_FOUND',
      requireStack: [ '/app/index.js' ]
    }
"""
NODE_REJECTED = """\
    (node:31) UnhandledPromiseRejectionWarning: Error: connect ECONNREFUSED
        at TCPConnectWrap.afterConnect [as oncomplete] (net.js:1141:16)
"""
RUST = """\
    thread 'parse-3' panicked at src/parse.rs:88:14:
    called `Result::unwrap()` on an `Err` value: ParseFloatError { kind: Invalid }
    stack backtrace:
       0: rust_begin_unwind
                 at /rustc/79e9716c/library/std/src/panicking.rs:597:5
       1: core::panicking::panic_fmt
                 at /rustc/79e9716c/library/core/src/panicking.rs:72:14
    note: Some details are omitted, run with `RUST_BACKTRACE=full` for more.
"""
RUST_ANYHOW = """\
    Error: could not read the tariff

    Caused by:
        0: parsing tariff.toml
        1: No such file or directory (os error 2)
"""
DOTNET = """\
    Unhandled exception. System.AggregateException: One or more errors (timed out)
     ---> System.TimeoutException: timed out
       at Acme.Orders.Fetch() in /src/Orders.cs:line 41
       --- End of inner exception stack trace ---
       at Acme.Program.Main(String[] args) in /src/Program.cs:line 9
"""
DOTNET_LOGGED = """\
    fail: Acme.Orders[0]
          order 7 was not stored
          System.InvalidOperationException: Sequence contains no elements
             at System.Linq.ThrowHelper.ThrowNoElementsException()
"""
RUBY = """\
    app.rb:3:in `Integer': invalid value for Integer(): "x" (ArgumentError)
    \tfrom app.rb:3:in `parse'
    \tfrom app.rb:8:in `<main>'
"""
PHP = """\
    PHP Fatal error:  Uncaught RuntimeException: gone in /app/a.php:3
    Stack trace:
    #0 /app/b.php(8): load()
    #1 {main}
      thrown in /app/a.php on line 3
"""
NPM = """\
    npm ERR! code ELIFECYCLE
    npm ERR! errno 1
    npm ERR! report@4.1.0 build: `tsc`
"""

ANYWHERE: Final = {
    "python": PYTHON,
    "python, chained": PYTHON_CHAINED,
    "python, caused": PYTHON_CAUSED,
    "python, a group": PYTHON_GROUP,
    "python, in a thread": PYTHON_THREAD,
    "java": JAVA,
    "java, logged": JAVA_LOGGED,
    "go": GO,
    "go, a fatal error": GO_FATAL,
    "rust": RUST,
    "rust, an error returned": RUST_ANYHOW,
    ".net": DOTNET,
    ".net, logged": DOTNET_LOGGED,
    "ruby": RUBY,
    "php": PHP,
    "node": NODE,
    "node, with a code": NODE_CODE,
    "node, a rejection": NODE_REJECTED,
}
"""One stop each, on either stream."""

ON_STDERR: Final = {
    "python, a syntax error": PYTHON_SYNTAX,
    "npm": NPM,
    "indented": "    usage: load FILE\n      -v  more words\n      -q  fewer words\n",
    "a burst": "    cannot open a\n    cannot open b\n    giving up\n",
}
"""One stop each on stderr."""

NO_STOP: Final = {
    "text": "2026-03-03 10:00:00,123 INFO app loading 3 files",
    "text, bracketed": "[2026-03-03T10:00:00Z DEBUG tariff] row 3",
    "a word in front": "WARNING: disk is 91% full",
    "a lower-case word": "[warn] slow query",
    "json": '{"ts":1,"level":"info","msg":"error rate 0"}',
    "json, a number": '{"lvl":30,"msg":"ok"}',
    "json, severity": '{"severity":"WARNING","message":"slow"}',
    "logfmt": 'time=1 level=warn msg="lease lost"',
    "glog": "W1129 10:12:31.004512       1 reflector.go:3] watch closed",
    "python's warnings": "/srv/a.py:3: DeprecationWarning: use b\n  a.append(1)",
    "details of an info": "INFO settings:\n  retries = 3\n  error = none\n\n  url = x",
}
"""On stderr, and yet no stop."""


def told(text: str) -> list[str]:
    return dedent(text).rstrip("\n").split("\n")


def log_of(*pieces: tuple[str, list[str]], step_ns: int = 1_000_000) -> list[LogLine]:
    texts = [(stream, text) for stream, lines in pieces for text in lines]
    return [
        LogLine(1, number, stream, number * step_ns, text)
        for number, (stream, text) in enumerate(texts)
    ]


NOISE: Final = [f"2026-03-03 10:00:0{n} INFO batch {n} of 400" for n in range(5)]


def stops(lines: list[LogLine]) -> list[str]:
    """Return the lines that ``e`` stops at, both ways of finding them agreeing."""
    store = LogStore()
    store.add(lines)
    search = Search(Rows(store))
    while not search.advance(1.0):
        continue
    plain = [index for index, begins in error_lines(lines) if begins]
    found, row = [], -1
    while (jump := search.next(row, wrap=False)) is not None:
        found.append(jump.row)
        row = jump.row
    assert found == plain
    assert search.count == len(plain)
    return [lines[index].message for index in plain]


def first_error_of(text: str) -> str:
    """Return the line an error is found at where streams do not help."""
    lines = told(text)
    if text in {NODE, NODE_CODE}:
        return next(line for line in lines if "Error: " in line and "throw" not in line)
    return lines[0]


@pytest.mark.parametrize("name", [*ANYWHERE, *ON_STDERR])
def test_a_traceback_is_one_stop(name: str) -> None:
    lines = told({**ANYWHERE, **ON_STDERR}[name])
    log = log_of((STDOUT, NOISE), (STDERR, lines), (STDOUT, NOISE))
    assert stops(log) == [lines[0]]


@pytest.mark.parametrize("name", ANYWHERE)
def test_a_traceback_on_stdout_is_one_stop(name: str) -> None:
    text = ANYWHERE[name]
    log = log_of((STDOUT, NOISE), (STDOUT, told(text)), (STDOUT, NOISE))
    assert stops(log) == [first_error_of(text)]


@pytest.mark.parametrize("name", ANYWHERE)
def test_a_traceback_among_lines_of_the_other_stream_is_one_stop(name: str) -> None:
    lines = told(ANYWHERE[name])
    mixed = [piece for line in lines for piece in ((STDERR, [line]), (STDOUT, NOISE))]
    assert stops(log_of(*mixed)) == [lines[0]]


@pytest.mark.parametrize("name", ANYWHERE)
def test_the_same_traceback_again_is_another_stop(name: str) -> None:
    lines = told(ANYWHERE[name])
    pause = [(STDERR, [f"2026-03-03 10:00:00 INFO try {n}"]) for n in range(2)]
    log = log_of(pause[0], (STDERR, lines), pause[1], (STDERR, lines))
    assert stops(log) == [lines[0], lines[0]]


@pytest.mark.parametrize("name", ["python", "java", "go", "ruby", "rust"])
def test_tracebacks_one_after_the_other_are_two_stops(name: str) -> None:
    lines = told(ANYWHERE[name])
    assert stops(log_of((STDERR, lines), (STDERR, lines))) == [lines[0], lines[0]]


@pytest.mark.parametrize("name", NO_STOP)
def test_a_line_on_stderr_below_error_is_no_stop(name: str) -> None:
    lines = NO_STOP[name].split("\n")
    assert stops(log_of((STDERR, lines), (STDOUT, NOISE))) == []
    assert stops(log_of((STDERR, [*lines, "cannot go on"]))) == ["cannot go on"]


@pytest.mark.parametrize("name", NO_STOP)
def test_many_lines_below_error_are_no_stop(name: str) -> None:
    lines = NO_STOP[name].split("\n") * 80
    assert stops(log_of((STDERR, lines), (STDERR, ["ERROR a"]))) == ["ERROR a"]


SPLIT_ON_STDOUT: Final = "Batch entry"
"""In the text of an exception there is a line that says ERROR: as good as another."""


@pytest.mark.parametrize("language", SAMPLES)
def test_errors_of_a_language_are_one_stop_each(language: str) -> None:
    errors = errors_of(language)
    assert len(errors) >= LEAST
    for lines in errors:
        first = next(filter(None, lines))
        mixed = [
            piece for line in lines for piece in ((STDERR, [line]), (STDOUT, NOISE))
        ]
        assert stops(log_of(*mixed)) == [first]


@pytest.mark.parametrize("language", SAMPLES)
def test_errors_of_a_language_leave_their_neighbours_alone(language: str) -> None:
    around = ["2026-03-03 10:00:00 INFO try 1", "2026-03-03 10:00:01 ERROR gave up"]
    for lines in errors_of(language):
        log = log_of((STDERR, [around[0], *lines, *around]))
        *found, last = stops(log)
        assert last == around[1]
        assert len(found) == 1
        assert found[0] in lines[:2]


@pytest.mark.parametrize("language", SAMPLES)
def test_errors_of_a_language_on_stdout_are_no_more_than_one_stop(
    language: str,
) -> None:
    for lines in errors_of(language):
        found = stops(log_of((STDOUT, [*NOISE, *lines, *NOISE])))
        assert len(found) <= 1 + any(SPLIT_ON_STDOUT in line for line in lines)


def test_an_error_with_its_traceback_is_one_stop_and_the_next_one_another() -> None:
    once = ["ERROR could not build", *told(PYTHON_CHAINED)]
    twice = log_of((STDERR, once), (STDERR, once))
    assert stops(twice) == ["ERROR could not build"] * 2


def test_a_repeated_complaint_is_one_stop() -> None:
    tries = [f"ERROR connection refused, try {n}" for n in range(50)]
    for stream in (STDOUT, STDERR):
        slow = log_of((stream, tries), step_ns=60 * BURST_NS)
        assert stops(slow) == [tries[0]]


def test_complaints_of_two_kinds_on_stdout_are_two_stops() -> None:
    log = log_of((STDOUT, ["ERROR no disk", "ERROR no network"]))
    assert stops(log) == ["ERROR no disk", "ERROR no network"]


def test_lines_on_stderr_far_apart_in_time_are_stops_of_their_own() -> None:
    log = log_of((STDERR, ["cannot open a", "cannot open b"]), step_ns=2 * BURST_NS)
    assert stops(log) == ["cannot open a", "cannot open b"]


def test_a_filter_leaves_one_stop_of_each_error_it_shows() -> None:
    lines = log_of((STDERR, told(PYTHON)), (STDERR, told(JAVA)))
    store = LogStore()
    store.add(lines)
    rows = Rows(store, LineFilter(include=(compile_pattern("KeyError|^\tat"),)))
    while not rows.advance(1.0):
        continue
    search = Search(rows)
    assert rows.line_count > search.count == 2
