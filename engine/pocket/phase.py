"""Phases for magnitudes: phase gradient heap integration (PGHI), closed over the loop.

Prusa, Balazs and Sondergaard 2017, "A noniterative method for reconstruction of phase from STFT
magnitude": the log-magnitude's slopes are the phase's slopes, integrated from loud to quiet. A loop is a
circle, so each bin's total advance must be a whole number of turns; what is missing is spread over
the frames, which detunes a partial by at most half a cycle per loop.
"""

import heapq

import numba
import numpy as np
from numpy.typing import NDArray

GAMMA = 0.25645  # of the Hann window, in units of window length squared (Prusa et al., table 1)
QUIET = 10 ** (-80 / 20)  # below this share of the loudest bin phases are random: nobody hears them


def loop_phases(magnitudes: NDArray[np.float32], hop_samples: float, seed: int = 0) -> NDArray[np.float32]:
    """Return phases in radians [frames, bins] for `magnitudes` [frames, bins] round a loop.

    `hop_samples` is the (fractional) distance of frames; phases belong to frames centred on their time.
    """
    frames, bins = magnitudes.shape
    window = 2 * (bins - 1)
    log_magnitude = np.log(np.maximum(magnitudes.astype(np.float64), 1e-9))
    along_time, along_frequency = _slopes(log_magnitude, hop_samples, window)
    _close_the_circle(along_time, magnitudes.astype(np.float64))
    random_phases = np.random.default_rng(seed).random((frames, bins)) * 2 * np.pi
    level = float(log_magnitude.max() + np.log(QUIET))
    return _integrate(log_magnitude, along_time, along_frequency, random_phases, level).astype(np.float32)


def _slopes(
    log_magnitude: NDArray[np.float64], hop: float, window: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phase advance per frame and per bin (eq. 18-19 there), for frames centred on their own time."""
    gamma = GAMMA * window * window
    bin_turn = 2 * np.pi * hop / window
    up, down = np.empty_like(log_magnitude), np.empty_like(log_magnitude)
    up[:, :-1], up[:, -1] = log_magnitude[:, 1:], log_magnitude[:, -1]
    down[:, 1:], down[:, 0] = log_magnitude[:, :-1], log_magnitude[:, 0]
    along_time = hop * window / gamma * (up - down) / 2 + bin_turn * np.arange(log_magnitude.shape[1])
    later, earlier = np.roll(log_magnitude, -1, 0), np.roll(log_magnitude, 1, 0)
    along_frequency = -gamma / (hop * window) * (later - earlier) / 2
    return along_time, along_frequency


def _close_the_circle(along_time: NDArray[np.float64], magnitudes: NDArray[np.float64]) -> None:
    """Spread each bin's missing turn over the frames, together with the neighbours in its lobe."""
    frames = len(along_time)
    total = along_time.sum(0)
    energy = np.square(magnitudes).sum(0)
    turned = energy * np.exp(1j * total)
    lobe = np.convolve(turned, np.ones(5), mode="same")
    along_time -= np.angle(lobe) / frames


@numba.njit(cache=True, nogil=True)
def _integrate(
    log_magnitude: NDArray[np.float64],
    along_time: NDArray[np.float64],
    along_frequency: NDArray[np.float64],
    phases: NDArray[np.float64],
    level: float,
) -> NDArray[np.float64]:  # pragma: no cover - compiled
    frames, bins = log_magnitude.shape
    done = np.zeros((frames, bins), np.bool_)
    order = np.argsort(-log_magnitude.ravel())
    heap = [(0.0, 0, 0)]
    heap.pop()
    for flat in order:
        n0, k0 = flat // bins, flat % bins
        if done[n0, k0]:
            continue
        if log_magnitude[n0, k0] < level:
            break
        done[n0, k0] = True
        heapq.heappush(heap, (-log_magnitude[n0, k0], n0, k0))
        while len(heap) > 0:
            _, n, k = heapq.heappop(heap)
            phase = phases[n, k]
            after, before = (n + 1) % frames, (n - 1) % frames
            if not done[after, k] and log_magnitude[after, k] >= level:
                phases[after, k] = phase + (along_time[n, k] + along_time[after, k]) / 2
                done[after, k] = True
                heapq.heappush(heap, (-log_magnitude[after, k], after, k))
            if not done[before, k] and log_magnitude[before, k] >= level:
                phases[before, k] = phase - (along_time[n, k] + along_time[before, k]) / 2
                done[before, k] = True
                heapq.heappush(heap, (-log_magnitude[before, k], before, k))
            if k + 1 < bins and not done[n, k + 1] and log_magnitude[n, k + 1] >= level:
                phases[n, k + 1] = phase + (along_frequency[n, k] + along_frequency[n, k + 1]) / 2
                done[n, k + 1] = True
                heapq.heappush(heap, (-log_magnitude[n, k + 1], n, k + 1))
            if k > 0 and not done[n, k - 1] and log_magnitude[n, k - 1] >= level:
                phases[n, k - 1] = phase - (along_frequency[n, k] + along_frequency[n, k - 1]) / 2
                done[n, k - 1] = True
                heapq.heappush(heap, (-log_magnitude[n, k - 1], n, k - 1))
    return phases
