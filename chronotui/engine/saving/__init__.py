"""Saving a job's log: one engine for the desk and ``chronotui save``."""

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
