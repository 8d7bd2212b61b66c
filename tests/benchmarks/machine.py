"""Where and when a table was measured, in words."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path


def words() -> str:
    """Return date, processors, system and the versions that matter, in a sentence."""
    today = datetime.now().astimezone()
    parts = [
        f"Measured on {today.day} {today:%B %Y}",
        f"{_cores()}, {platform.system()}",
        f"Python {platform.python_version()}",
        f"Textual {version('textual')}",
        lnav_name(),
    ]
    return ", ".join(parts) + "."


def lnav_name() -> str:
    """Return lnav's name and version, or that it is not here."""
    if shutil.which("lnav") is None:
        return "no lnav"
    said = subprocess.run(["lnav", "-V"], capture_output=True, text=True, check=True)
    return said.stdout.strip()


def _cores() -> str:
    count = os.cpu_count() or 1
    model = ""
    with Path("/proc/cpuinfo").open() as facts:
        for line in facts:
            if line.startswith("model name"):
                model = " ".join(line.partition(":")[2].split())
                break
    cores = "one core" if count == 1 else f"{count} cores"
    return f"{cores} of {model}" if model else cores
