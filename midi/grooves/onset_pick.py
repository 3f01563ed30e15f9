"""Onsets in a recorded loop, by the rise of its energy in bands.

Spectral flux with a local threshold (Bello et al., IEEE Trans. Speech Audio Proc. 13, 2005; Böck,
Krebs and Schedl, ISMIR 2012), on the circle of the loop; then each is moved to the steepest rise of
the fine envelope. It serves grooves only; controls and scores use the engine's own.
"""

import numpy as np
from numpy.typing import NDArray

from ..errors import MidiError

WINDOW_SECONDS = 0.023
HOP_SECONDS = 0.005
BANDS = 24
COMPRESSION = 100.0  # log(1 + c * magnitude), as in Böck et al.
NEIGHBOUR_SECONDS = 0.03  # a peak is the largest within this
MEAN_SECONDS = 0.1  # of the local mean that a peak must exceed
OVER_MEAN = 0.08  # of the largest peak
FINE_SECONDS = 0.001  # resolution of the refined position
MIN_SECONDS = 0.1


def pick_onsets(mono: NDArray[np.float64], sample_rate: int) -> list[tuple[int, float]]:
    """Return `(sample, strength)` of each onset, in order, strength 0..1 of the strongest.

    `mono` is float64 [samples], a loop. Raises `MidiError` for audio that is too short, silent or not finite.
    """
    _check(mono, sample_rate)
    hop = max(1, round(HOP_SECONDS * sample_rate))
    flux = _flux(mono, sample_rate, hop)
    peaks = _peaks(flux, hop / sample_rate)
    found = ((_refined(mono, int(peak) * hop, sample_rate), float(flux[peak])) for peak in peaks)
    largest = float(flux.max()) or 1.0
    return sorted((sample, strength / largest) for sample, strength in found)


def _check(mono: NDArray[np.float64], sample_rate: int) -> None:
    if mono.ndim != 1 or mono.size < MIN_SECONDS * sample_rate:
        raise MidiError("loop_too_short", "The recording is too short for a groove.", "Use a loop of at least a bar.")
    if not np.isfinite(mono).all():
        raise MidiError("bad_audio", "The recording holds values that are not numbers.", "Export it again.")
    if not mono.any():
        raise MidiError("silent_audio", "The recording is silent.", "Choose another loop.")


def _flux(mono: NDArray[np.float64], sample_rate: int, hop: int) -> NDArray[np.float64]:
    """Return the mean rise in log band energy at each hop, [hops], circular."""
    window_samples = max(hop * 2, round(WINDOW_SECONDS * sample_rate))
    hops = -(-mono.size // hop)
    # frame i is centred on sample i * hop
    padded = np.take(mono, np.arange(-(window_samples // 2), hops * hop + window_samples), mode="wrap")
    frames = np.lib.stride_tricks.sliding_window_view(padded, window_samples)[: hops * hop : hop]
    magnitude = np.abs(np.fft.rfft(frames * np.hanning(window_samples), axis=1)) / window_samples
    edges = np.unique(np.geomspace(2, magnitude.shape[1], BANDS + 1).astype(int))
    bands = np.add.reduceat(magnitude, edges[:-1], axis=1)
    level = np.log1p(COMPRESSION * bands / bands.max())
    rise = np.maximum(level - np.roll(level, 2, axis=0), 0.0)
    return np.asarray(rise.mean(axis=1))


def _peaks(flux: NDArray[np.float64], hop_seconds: float) -> NDArray[np.intp]:
    near = max(1, round(NEIGHBOUR_SECONDS / hop_seconds))
    wide = max(1, round(MEAN_SECONDS / hop_seconds))
    around = np.stack([np.roll(flux, shift) for shift in range(-near, near + 1)])
    mean = np.mean([np.roll(flux, shift) for shift in range(-wide, wide + 1)], axis=0)
    is_peak = (flux >= around.max(axis=0)) & (flux > mean + OVER_MEAN * flux.max())
    return np.flatnonzero(is_peak)


def _refined(mono: NDArray[np.float64], near: int, sample_rate: int) -> int:
    """Return the sample of the steepest rise in level within a window around `near`."""
    fine = max(1, round(FINE_SECONDS * sample_rate))
    reach = round(WINDOW_SECONDS * sample_rate)
    span = np.take(mono, np.arange(near - reach - fine, near + reach + fine), mode="wrap")
    power = np.convolve(span**2, np.ones(fine) / fine, mode="valid")
    level = np.log(power + 1e-4 * power.max() + 1e-20)
    rise = level[fine:] - level[:-fine]
    return int(near - reach + np.argmax(rise)) % mono.size
