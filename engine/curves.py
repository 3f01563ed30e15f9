"""A request's curve as one value per frame, in the control's own unit. Plain numbers: losses and metrics share it."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from midi.curves import automation

from .errors import BadRequestError
from .request import Control, Curve, Point

PLACES = 16_384  # of a loop, at which a curve of weights is looked up
FLOOR_DB = -60.0  # below this a level counts as silence, in targets and in measurements


def level_db(curve: Curve, beats: Fraction, frames: int) -> NDArray[np.float64]:
    """Return the level in dBFS RMS at `frames` equal frames of a loop, silence as -60 dB: [frames].

    Frame i stands at beat i * beats / frames. Raises `BadRequestError` for a curve in hertz.
    """
    if curve.unit == "hz":
        raise BadRequestError("An intensity curve is in decibels or 0 to 1, this one is in hertz.")
    low, high = (curve.low, curve.high) if curve.unit == "unit" else (0.0, 1.0)
    values = _sample(curve, beats, frames, lambda value: max(FLOOR_DB, low + value * (high - low)))
    return np.maximum(values, FLOOR_DB)


def frequency_octaves(curve: Curve, beats: Fraction, frames: int) -> NDArray[np.float64]:
    """Return log2 of the frequency in hertz at `frames` equal frames of a loop: [frames].

    Runs straight in octaves, as pitch is heard. Raises `BadRequestError` for decibels and for inaudible frequencies.
    """
    if curve.unit == "db":
        raise BadRequestError("A brightness curve is in hertz or 0 to 1, this one is in decibels.")
    if curve.unit == "unit":
        low, high = _octave(curve.low), _octave(curve.high)
        return _sample(curve, beats, frames, lambda value: low + value * (high - low))
    return _sample(curve, beats, frames, _octave)


def _octave(frequency_hz: float) -> float:
    if not 10 <= frequency_hz <= 24_000:
        raise BadRequestError(f"Brightness may be 10 to 24,000 Hz, not {frequency_hz:g}.")
    return math.log2(frequency_hz)


def _sample(curve: Curve, beats: Fraction, frames: int, mapped: Callable[[float], float]) -> NDArray[np.float64]:
    points = tuple(automation.Breakpoint(point.beat, mapped(point.value)) for point in curve.points)
    return automation.sample(automation.Curve(points), beats, frames)


def smoothing_kernel(width: int) -> NDArray[np.float64]:
    """Return the Savitzky-Golay filter of order 2 over an odd `width` of at least 3 frames, in closed form: [width].

    Equal to `scipy.signal.savgol_coeffs(width, 2)`, whose import alone takes half a second.
    """
    half = width // 2
    place = np.arange(-half, half + 1)
    return 3 * (3 * half * half + 3 * half - 1 - 5 * place**2) / ((2 * half - 1) * (2 * half + 1) * (2 * half + 3))


def inside(within: tuple[Fraction, Fraction] | None, beats: Fraction, frames: int) -> NDArray[np.bool_]:
    """Return which of `frames` equal frames of a loop lie in a range of beats; at least one does."""
    if within is None:
        return np.ones(frames, dtype=np.bool_)
    position = np.arange(frames) * float(beats) / frames
    chosen = (position >= float(within[0])) & (position < float(within[1]))
    if not chosen.any():  # a range shorter than a frame still means something: the frame where it starts
        chosen[np.abs(position - float(within[0])).argmin()] = True
    return chosen


def weights(
    within: tuple[Fraction, Fraction] | None, factors: tuple[Point, ...], beats: Fraction, frames: int
) -> NDArray[np.float64]:
    """Return by how much each of `frames` equal frames of a loop counts, 0 outside `within`; without `factors` 1."""
    chosen = inside(within, beats, frames).astype(np.float64)
    if not factors:
        return chosen
    return chosen * np.maximum(_sample(Curve(points=factors, unit="unit"), beats, frames, float), 0)


def asked_at(control: Control, beats: Fraction, places: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return at which `places` [n], in beats of the loop, a control asks for something; the range is kept exactly."""
    chosen = np.ones(len(places), dtype=np.bool_)
    if control.within is not None:
        chosen = (places >= float(control.within[0])) & (places < float(control.within[1]))
    if control.weight_curve:
        factors = weights(None, control.weight_curve, beats, PLACES)
        chosen &= factors[(places * PLACES / float(beats)).astype(np.int64) % PLACES] > 0
    return chosen


def asked(control: Control, beats: Fraction, frames: int) -> NDArray[np.bool_]:
    """Return in which of `frames` equal frames a control asks for something."""
    return weights(control.within, control.weight_curve, beats, frames) > 0
