"""The scores of a finished loop, computed from its samples alone.

They are written apart from the controls, on purpose and in other ways, with NumPy and SciPy: nothing here is
optimised against. A control's row names its metric. Metrics wrap round where the loop does.
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
