"""How the desk looks, in the states a reader of the README would recognise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ui.desk.scenes import SCENES, Scene, desk_on

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_desk_looks_as_before(
    scene: Scene, snap_compare: Callable[..., bool]
) -> None:
    with scene.server() as server:
        assert snap_compare(
            desk_on(server), terminal_size=scene.size, run_before=scene.play
        )
