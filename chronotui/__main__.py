"""``python -m chronotui``."""

import sys

from chronotui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
