"""The room's door costs nothing until somebody goes through."""

from __future__ import annotations

import subprocess
import sys


def test_naming_the_api_does_not_load_httpx() -> None:
    program = """
import sys
import chronotui.api
assert not {"httpx", "httpcore", "msgspec", "ssl"} & set(sys.modules)
assert callable(chronotui.api.open_chronoverse)
assert chronotui.api.Chronoverse.__name__ == "Chronoverse"
assert not hasattr(chronotui.api, "nothing")
assert "httpx" in sys.modules
assert not {"textual", "rich"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_splitting_frames_needs_no_http() -> None:
    program = "import sys, chronotui.core.sse; assert 'msgspec' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
