"""``python -m chronotui``."""

import sys

from chronotui.cli import main

if __name__ == "__main__":
    sys.exit(main())
