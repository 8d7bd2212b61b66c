"""``python -m chronotui``."""

import sys

from chronotui.cli.main import run

if __name__ == "__main__":
    sys.exit(run())
