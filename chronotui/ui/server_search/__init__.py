"""The server's own search over the whole retained log."""

from chronotui.ui.server_search.screen import ServerSearchScreen

__all__ = ["ServerSearchScreen"]
