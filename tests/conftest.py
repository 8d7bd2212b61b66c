"""A demo server for every test that wants a real peer."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import pytest
from hypothesis import settings

from chronotui import times
from chronotui.demo.dify_server import DifyDemo
from chronotui.demo.faults import Faults
from chronotui.demo.routes import Dialect
from chronotui.demo.server import DemoServer
from chronotui.ui.log import render

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


# A shell that starts this in the background has what it starts ignore interrupts, and
# `nohup` hang-ups; a handler, unlike ignoring, does not go on to the programs of tests.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)

COLLECTED_AT = 100_000
"""So many objects are made before the collector looks for lost ones within a test.

Caches and modules live as long as the process: at the usual 700 a quarter of the time
of a desk went into looking through them again."""

# The same examples in every run; HYPOTHESIS_PROFILE=explore looks for new ones, and
# more of them. Without a deadline: a busy machine may be slow at any of them.
settings.register_profile("steady", derandomize=True, deadline=None, max_examples=30)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_configure(config: pytest.Config) -> None:
    """Keep compiled code where none may be written beside the sources.

    Each worker and each program a test starts would compile everything anew.
    """
    cache = getattr(config, "cache", None)
    if sys.dont_write_bytecode and cache is not None:
        sys.pycache_prefix = str(cache.mkdir("bytecode"))
        sys.dont_write_bytecode = False
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    """Let no garbage collection look through all that was collected of tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AT)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Clear away what a test left, and have no later collection look at what stays.

    What was left open complains right after its test, not in one that comes by chance.
    """
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def _no_multiplexer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send no copy of a test's to the clipboard of who runs it."""
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Lets the machine's own zone be another one, spelled as ``TZ`` is."""

    def move(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        _look_at_zone_anew()

    yield move
    monkeypatch.undo()
    _look_at_zone_anew()


def _look_at_zone_anew() -> None:
    """Forget what was told in a zone that is not the machine's own any more."""
    time.tzset()
    for remembered in (times._second_text, render._zone_name, render._second_words):
        remembered.cache_clear()


class MakeDemo(Protocol):
    """Starts a demo server; the arguments are those of ``DemoServer``.

    The retained log trails by at most 50 ms unless ``faults`` say otherwise.
    """

    def __call__(self, **options: object) -> DemoServer: ...


@pytest.fixture
def make_demo() -> Iterator[MakeDemo]:
    with ExitStack() as stack:

        def make(**options: object) -> DemoServer:
            options.setdefault("faults", Faults(retention_lag=(0.0, 0.05)))
            server = DemoServer(**options)  # type: ignore[arg-type]
            return stack.enter_context(server)

        yield make


@pytest.fixture
def demo(make_demo: MakeDemo) -> DemoServer:
    """A running server of the current dialect."""
    return make_demo()


@pytest.fixture
def documented_demo(make_demo: MakeDemo) -> DemoServer:
    """A running server of the documented dialect."""
    return make_demo(dialect=Dialect.DOCUMENTED)


class MakeDify(Protocol):
    """Starts the demo server of a Dify app; the arguments are those of ``DifyDemo``."""

    def __call__(self, **options: object) -> DifyDemo: ...


@pytest.fixture
def make_dify() -> Iterator[MakeDify]:
    with ExitStack() as stack:

        def make(**options: object) -> DifyDemo:
            return stack.enter_context(DifyDemo(**options))  # type: ignore[arg-type]

        yield make
