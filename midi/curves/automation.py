"""Automation: curves, and a parameter's own range as decibels, hertz or 0..1.

Three modules work on curves: `curve` (breakpoints, sampling), `thin` (fewer points) and `text` (the forms that
people write). This one exports all three.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import MidiError
from .curve import Breakpoint, Curve, flattened, sample
from .text import from_json, parse_points
from .thin import thin

__all__ = [
    "Breakpoint",
    "Curve",
    "amplitude_to_db",
    "flattened",
    "from_json",
    "parse_points",
    "sample",
    "thin",
    "to_unit",
]


def to_unit(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Return values of a parameter's own range as 0..1; values outside are clipped."""
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise MidiError("bad_range", f"The range {low:g} to {high:g} has no length.")
    unit = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    return np.asarray(np.clip(unit, 0.0, 1.0))


def amplitude_to_db(amplitude: ArrayLike, floor_db: float = -60.0) -> NDArray[np.float64]:
    """Return a linear amplitude, as Live stores volumes, in decibels and not below `floor_db`."""
    least = 10 ** (floor_db / 20)
    return np.asarray(20 * np.log10(np.maximum(np.asarray(amplitude, dtype=np.float64), least)))
