"""The scores of a finished loop, computed from its samples alone.

They share no code with the losses of the controls, on purpose, and use other features, with NumPy and SciPy: no search
optimises them. A control's row names its metric. Frames and filters are circular where the sound is a loop.
"""

from . import chords
from .metric import Metric, Panel
from .report import BRIGHTNESS, HARMONY, INTENSITY, MELODY, RHYTHM, STRUCTURE, judge, panels, score, unjudged
from .verdict import Verdict

__all__ = [
    "BRIGHTNESS",
    "HARMONY",
    "INTENSITY",
    "MELODY",
    "RHYTHM",
    "STRUCTURE",
    "Metric",
    "Panel",
    "Verdict",
    "chords",
    "judge",
    "panels",
    "score",
    "unjudged",
]
