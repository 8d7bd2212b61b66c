"""``python -m screenshots.make``: draw the README's pictures from the demo.

They are the scenes of the snapshot tests, so pictures and tests cannot disagree.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.ui.desk.scenes import SCENES, Scene, desk_on

FOLDER = Path(__file__).parent


async def draw(scene: Scene) -> None:
    """Play a scene and write its picture."""
    with scene.server() as server:
        app = desk_on(server)
        async with app.run_test(size=scene.size) as pilot:
            await scene.play(pilot)
            picture = app.export_screenshot(title=scene.title)
    (FOLDER / f"{scene.name}.svg").write_text(picture, encoding="utf-8")


async def main() -> None:
    """Draw every scene."""
    for scene in SCENES:
        await draw(scene)


if __name__ == "__main__":
    asyncio.run(main())
