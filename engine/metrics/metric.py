"""The metric of a control's row: how the delivered samples are scored, and under which names."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..events import Scores
from ..request import Control, LoopRequest
from .verdict import Verdict

Measure = Callable[[NDArray[np.floating], int, LoopRequest, Control], Scores]
"""From audio [channels, samples], its rate in hertz, the request and one of its controls to scores by name."""

Offset = Callable[[NDArray[np.floating], int, LoopRequest, Control], float]
"""From the same to the constant gain in dB that brings the loop nearest to the control's target."""

Judge = Callable[[NDArray[np.floating], int, LoopRequest, Control], Verdict | None]
"""From the same to a grade and a sentence; None where nothing could be measured."""


class Panel(StrEnum):
    """The feature over time in a picture of a loop beside which a control's target is drawn."""

    LEVEL = "level"
    CENTROID = "centroid"
    PITCH_CLASSES = "pitch classes"
    HITS = "hits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How a control's result is scored from the delivered samples alone.

    `names` are the scores that `measure` returns; of those in `high_is_good` larger is better. `judge` gives the
    verdict. `offset_db` is for controls whose target is a level: the loop is delivered with that gain. `panel` is where
    a picture shows the target. None leaves each of them out.
    """

    measure: Measure
    names: tuple[str, ...]
    high_is_good: frozenset[str] = frozenset()
    offset_db: Offset | None = None
    judge: Judge | None = None
    panel: Panel | None = None
