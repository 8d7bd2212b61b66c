"""The short way from a widget that draws its own rows to the painter.

Textual's compositor joins, cuts and renders the rows of all widgets. Rows of a widget
that nothing lies over come out of it as they went in, so they may as well go to the
painter at once: a third of the work. Where anything is in doubt the widget is told so
and goes the compositor's way. What decides it, like the painter itself, was compared
with stock painting for the releases in `chronotui.ui.painting.driver.TESTED`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual._compositor import Compositor
    from textual.geometry import Region
    from textual.widget import Widget

    from chronotui.ui.painting.drawn import DrawnRow
    from chronotui.ui.painting.driver import FrugalDriver


class Shortcut:
    """Paints the rows of one widget.

    Args:
        widget: It fills its region with rows that it gives the compositor unchanged.
    """

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._seen: object = None
        self._region: Region | None = None

    def paint(self, rows: Mapping[int, DrawnRow]) -> bool:
        """Paint rows of the widget, by their number in it.

        Returns:
            Whether that was done; if not, refresh the widget.
        """
        driver = self._driver()
        if driver is None:
            return False
        region = self._uncovered()
        if region is None:
            return False
        x, top = region.offset
        console = self._widget.app.console
        return driver.paint_rows(
            x, {top + y: row for y, row in rows.items()}, region.width, console
        )

    def _driver(self) -> FrugalDriver | None:
        """Return the driver if it takes rows and Textual would paint them now."""
        app = self._widget.app
        driver = app._driver  # noqa: SLF001
        if not hasattr(driver, "paint_rows") or app._batch_count:  # noqa: SLF001
            return None
        if not app.is_running or app._closed:  # noqa: SLF001
            return None
        return cast("FrugalDriver", driver)

    def _uncovered(self) -> Region | None:
        """Return where the widget is on the screen if all of it is to be seen."""
        app, screen = self._widget.app, self._widget.screen
        compositor = screen._compositor  # noqa: SLF001
        if screen is not app.screen or compositor.size != app.size:
            return None
        visible = compositor.visible_widgets
        if visible is not self._seen:
            self._seen = visible
            self._region = self._find(compositor)
        return self._region

    def _find(self, compositor: Compositor) -> Region | None:
        """Look at all that is shown, the uppermost first, down to the widget."""
        visible = compositor.visible_widgets
        if self._widget not in visible:
            return None
        region, clip = visible[self._widget]
        if region.size != self._widget.size:
            return None
        whole = compositor.size.region.contains_region(region)
        if not whole or not clip.contains_region(region):
            return None
        for other, (place, other_clip) in visible.items():
            if other is self._widget:
                return region
            if place.intersection(other_clip).overlaps(region):
                return None
        return None
