"""Automation: curves, and a parameter's own range as decibels, hertz or 0..1.

What can be done with a curve is told apart: `curve` (breakpoints, sampling), `thin` (fewer points),
`curve_text` (what people write), `record` (what was played live). All of it is named here.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import MidiError
from .curve import Breakpoint, Curve, flattened, sample
from .record import record_to_curve
from .text import from_json, parse_points
from .thin import thin

__all__ = [
    "Breakpoint",
    "Curve",
    "amplitude_to_db",
    "flattened",
    "from_json",
    "parse_points",
    "record_to_curve",
    "sample",
    "thin",
    "to_unit",
    "unit_to_db",
    "unit_to_hz",
]


def to_unit(values: ArrayLike, low: float, high: float) -> NDArray[np.float64]:
    """Return values of a parameter's own range as 0..1; what lies outside is clipped."""
    if not (math.isfinite(low) and math.isfinite(high)) or low == high:
        raise MidiError("bad_range", f"The range {low:g} to {high:g} has no length.")
    unit = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    return np.asarray(np.clip(unit, 0.0, 1.0))


def unit_to_db(unit: ArrayLike, low_db: float, high_db: float) -> NDArray[np.float64]:
    """Return 0..1 as decibels, in a straight line."""
    return np.asarray(low_db + np.asarray(unit, dtype=np.float64) * (high_db - low_db))


def unit_to_hz(unit: ArrayLike, low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Return 0..1 as a frequency, in equal ratios, as pitch is heard."""
    if not (0 < low_hz < math.inf and 0 < high_hz < math.inf):
        raise MidiError("bad_range", f"A range of {low_hz:g} to {high_hz:g} Hz must be above 0.")
    return np.asarray(low_hz * (high_hz / low_hz) ** np.asarray(unit, dtype=np.float64))


def amplitude_to_db(amplitude: ArrayLike, floor_db: float = -60.0) -> NDArray[np.float64]:
    """Return a linear amplitude, as Live stores volumes, in decibels and not below `floor_db`."""
    least = 10 ** (floor_db / 20)
    return np.asarray(20 * np.log10(np.maximum(np.asarray(amplitude, dtype=np.float64), least)))
