"""Phases for magnitudes: phase gradient heap integration (PGHI), closed over the loop.

Prusa, Balazs and Sondergaard 2017, "A noniterative method for reconstruction of phase from STFT
magnitude": the log-magnitude's slopes are the phase's slopes, integrated from loud to quiet. A loop is a
circle, so each bin's total advance must be a whole number of turns; what is missing is spread over
the frames, which detunes a partial by at most half a cycle per loop.
"""

import numba
import numpy as np
from numpy.typing import NDArray

GAMMA = 0.25645  # of the Hann window, in units of window length squared (Prusa et al., table 1)
QUIET = 10 ** (-80 / 20)  # below this share of the loudest bin phases are random: nobody hears them
SHELVES = 2048  # steps of loudness that integration tells apart


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
    under_loudest = (log_magnitude.max() - log_magnitude) / -np.log(QUIET)
    # What is no number is as quiet as can be: it must not become a place outside the shelves.
    quietness = np.nan_to_num(under_loudest * SHELVES, nan=SHELVES).clip(0, SHELVES).astype(np.int32)
    return _integrate(quietness, along_time, along_frequency, random_phases).astype(np.float32)


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
    quietness: NDArray[np.int32],
    along_time: NDArray[np.float64],
    along_frequency: NDArray[np.float64],
    phases: NDArray[np.float64],
) -> NDArray[np.float64]:  # pragma: no cover - compiled
    """Fill `phases` from loud to quiet; cells as quiet as `SHELVES` keep what they have.

    The heap is a row of shelves, one for each step of loudness, first come first served: five times as fast as a
    comparing heap, and nobody hears 0.04 dB.
    """
    frames, bins = quietness.shape
    first, last = np.full(SHELVES, -1, np.int32), np.full(SHELVES, -1, np.int32)
    following = np.empty(frames * bins, np.int32)
    done = np.zeros((frames, bins), np.bool_)
    for start in _by_loudness(quietness):
        if done[start // bins, start % bins]:
            continue
        done[start // bins, start % bins] = True
        shelf = quietness[start // bins, start % bins]
        first[shelf] = last[shelf] = start
        following[start] = -1
        waiting = 1
        while waiting > 0:
            while first[shelf] < 0:
                shelf += 1
            cell = first[shelf]
            first[shelf] = following[cell]
            waiting -= 1
            n, k = cell // bins, cell % bins
            for side in range(4):
                other_n, other_k = n, k
                if side == 0:
                    other_n = n + 1 if n + 1 < frames else 0
                elif side == 1:
                    other_n = n - 1 if n > 0 else frames - 1
                elif side == 2:
                    other_k = k + 1
                else:
                    other_k = k - 1
                if other_k < 0 or other_k == bins or done[other_n, other_k]:
                    continue
                level = quietness[other_n, other_k]
                if level == SHELVES:
                    continue
                if side < 2:
                    step = (along_time[n, k] + along_time[other_n, k]) / 2
                else:
                    step = (along_frequency[n, k] + along_frequency[n, other_k]) / 2
                phases[other_n, other_k] = phases[n, k] + (step if side % 2 == 0 else -step)
                done[other_n, other_k] = True
                found = other_n * bins + other_k
                following[found] = -1
                if first[level] < 0:
                    first[level] = found
                else:
                    following[last[level]] = found
                last[level] = found
                waiting += 1
                shelf = min(shelf, level)
    return phases


@numba.njit(cache=True, nogil=True)
def _by_loudness(quietness: NDArray[np.int32]) -> NDArray[np.int32]:  # pragma: no cover - compiled
    """Return the flat places of all audible cells, loudest first (a counting sort)."""
    flat = quietness.ravel()
    ends = np.zeros(SHELVES + 1, np.int64)
    for place in range(len(flat)):
        ends[flat[place]] += 1
    total = 0
    for shelf in range(SHELVES):
        total, ends[shelf] = total + ends[shelf], total
    order = np.empty(total, np.int32)
    for place in range(len(flat)):
        shelf = int(flat[place])
        if shelf < SHELVES:
            order[ends[shelf]] = place
            ends[shelf] += 1
    return order
