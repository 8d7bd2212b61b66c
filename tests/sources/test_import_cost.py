"""What the client loads, and when."""

from __future__ import annotations

import subprocess
import sys


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
