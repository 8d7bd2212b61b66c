"""What the demo's containers print, kind by kind."""

from chronotui.demo.phrases.book import BLOCK, BLOCK_LINES, Phrase, Phrasebook
from chronotui.demo.phrases.kinds import phrasebook

__all__ = ["BLOCK", "BLOCK_LINES", "Phrase", "Phrasebook", "phrasebook"]
