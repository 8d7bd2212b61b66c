"""The kinds of source a profile may name, and what each of them loads."""

from __future__ import annotations

import subprocess
import sys

import pytest
from msgspec.structs import replace

from chronotui import SOURCE_KINDS
from chronotui.errors import UsageError
from chronotui.sources.chronoverse import Chronoverse
from chronotui.sources.protocol import (
    CHRONOVERSE,
    DIFY,
    KINDS,
    Capabilities,
    NoAuth,
)
from chronotui.storage.settings import METHODS


def test_the_registry_holds_the_kinds_a_profile_may_name() -> None:
    assert tuple(KINDS) == SOURCE_KINDS
    assert all(set(kind.methods) <= set(METHODS) for kind in KINDS.values())


def test_a_kind_is_opened_by_what_its_module_gives() -> None:
    client = CHRONOVERSE.load_opener()("http://127.0.0.1:9", NoAuth())
    assert isinstance(client, Chronoverse)
    assert client.capabilities == CHRONOVERSE.capabilities


def test_an_announced_kind_is_refused_in_one_sentence() -> None:
    announced = replace(DIFY, opener="")
    with pytest.raises(UsageError) as refused:
        announced.check("etl", "jobs")
    assert refused.value.sentence == (
        "Profile etl is a Dify one, which this version does not speak."
    )
    assert refused.value.next_step == "Choose a Chronoverse profile with --profile."


def test_a_kind_without_a_capability_is_refused_in_one_sentence() -> None:
    kind = replace(DIFY, opener="somewhere:open", capabilities=Capabilities(runs=True))
    kind.check("etl", "runs")
    with pytest.raises(UsageError, match="is a Dify one, which has no jobs"):
        kind.check("etl", "jobs")
    CHRONOVERSE.check("prod", "jobs")


def test_the_registry_loads_no_client() -> None:
    code = "import chronotui.sources.protocol, sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"httpx", "ssl", "asyncio"} & set(ended.stdout.split())


def test_the_client_loads_httpx_and_no_screen() -> None:
    program = """
import sys
import chronotui.sources
assert not {"httpx", "httpcore", "msgspec", "ssl"} & set(sys.modules)
from chronotui.sources.chronoverse import open_chronoverse
assert "httpx" in sys.modules
assert not {"textual", "rich", "click", "pygments"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
