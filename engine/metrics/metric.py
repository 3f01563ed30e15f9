"""A metric as a control's row names it: how the delivered samples are scored, and under which names."""

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
"""The same, to the one gain in dB that brings the loop nearest to the control's target."""

Judge = Callable[[NDArray[np.floating], int, LoopRequest, Control], Verdict | None]
"""The same, to how closely the control was followed, in words."""


class Panel(StrEnum):
    """Where a picture of a loop shows what a control asks for: beside the measure that the control moves."""

    LEVEL = "level"
    CENTROID = "centroid"
    PITCH_CLASSES = "pitch classes"
    HITS = "hits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How a control's result is scored from the delivered samples alone.

    `names` are the scores that `measure` returns; those in `high_is_good` rise where the loop follows better.
    `judge` says in words how closely the control was followed. `offset_db` is there for controls that ask for a level:
    the loop is delivered with that gain. `panel` is where a report draws the target.
    """

    measure: Measure
    names: tuple[str, ...]
    high_is_good: frozenset[str] = frozenset()
    offset_db: Offset | None = None
    judge: Judge | None = None
    panel: Panel | None = None
