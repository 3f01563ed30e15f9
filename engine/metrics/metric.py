"""A metric as a control's row names it: how the delivered samples are scored, and under which names."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..events import Scores
from ..request import Control, LoopRequest

Measure = Callable[[NDArray[np.floating], int, LoopRequest, Control], Scores]
"""From audio [channels, samples], its rate in hertz, the request and one of its controls to scores by name."""

Offset = Callable[[NDArray[np.floating], int, LoopRequest, Control], float]
"""The same, to the one gain in dB that brings the loop nearest to the control's target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How a control's result is scored from the delivered samples alone.

    `names` are the scores that `measure` returns; those in `high_is_good` rise where the loop follows better.
    `offset_db` is there for controls that ask for a level: the loop is delivered with that gain.
    """

    measure: Measure
    names: tuple[str, ...]
    high_is_good: frozenset[str] = frozenset()
    offset_db: Offset | None = None
