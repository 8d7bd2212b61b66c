"""The log desk for Chronoverse in a terminal."""

__version__ = "0.1.0"

SIGN_IN_METHODS = {
    "chronoverse": ("session", "bearer", "cookie", "none"),
    "dify": ("bearer",),
}
"""The kinds of servers a profile may name, and the ways to sign in each takes.

The usual ones come first. They stand here for the help, which loads next to nothing,
and for the configuration; what else a kind is and can do is in
`chronotui.sources.protocol`.
"""

SOURCE_KINDS = tuple(SIGN_IN_METHODS)
