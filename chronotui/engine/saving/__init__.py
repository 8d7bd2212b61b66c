"""Saving a job's log: one engine for the desk and ``chronotui save``.

A desk keeps a list of its saves from the start; what saves comes with the first.
"""

from typing import TYPE_CHECKING

from chronotui.core.lazy_names import names_from

if TYPE_CHECKING:
    from chronotui.core.log_formats import SaveFormat
    from chronotui.engine.saving.progress import SavePhase, SaveProgress
    from chronotui.engine.saving.request import SaveRequest, SaveResult, SaveScope
    from chronotui.engine.saving.save import Save
    from chronotui.engine.saving.saves import Saves

__all__ = [
    "Save",
    "SaveFormat",
    "SavePhase",
    "SaveProgress",
    "SaveRequest",
    "SaveResult",
    "SaveScope",
    "Saves",
]

__getattr__ = names_from(
    __name__,
    {
        "Save": "save",
        "SaveFormat": "request",
        "SavePhase": "progress",
        "SaveProgress": "progress",
        "SaveRequest": "request",
        "SaveResult": "request",
        "SaveScope": "request",
        "Saves": "saves",
    },
)
