"""Where files of this machine go; nothing is created by asking."""

from __future__ import annotations

import tempfile
from pathlib import Path

APP = "chronotui"


def config_file() -> Path:
    """Return the path of `config.toml` in the platform's config folder."""
    import platformdirs

    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def state_dir() -> Path:
    """Return the folder of sessions and remembered choices."""
    import platformdirs

    return Path(platformdirs.user_state_dir(APP, appauthor=False))


def spool_dir(configured: Path | None) -> Path:
    """Return the folder of the spool file: the configured one, else temporary.

    The platform's runtime folder is passed over: it usually lives in memory, which
    is what the spool file is there to relieve.
    """
    return configured if configured is not None else Path(tempfile.gettempdir())
