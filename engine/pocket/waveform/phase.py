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
TURN = 2 * np.pi
SHELVES = 2048  # steps of loudness that integration tells apart


def loop_phases(magnitudes: NDArray[np.float32], hop_samples: float, seed: int = 0) -> NDArray[np.float32]:
    """Return phases in radians [frames, bins] for `magnitudes` [frames, bins] round a loop.

    `hop_samples` is the (fractional) distance of frames; phases belong to frames centred on their time.
    """
    frames, bins = magnitudes.shape
    window = 2 * (bins - 1)
    log_magnitude = np.log(np.maximum(magnitudes, np.float32(1e-9)))
    along_time, along_frequency = _slopes(log_magnitude, hop_samples, window)
    _close_the_circle(along_time, magnitudes)
    phases = (np.random.default_rng(seed).random((frames, bins)) * TURN).astype(np.float32)
    under_loudest = (log_magnitude.max() - log_magnitude) * np.float32(SHELVES / -np.log(QUIET))
    # What is no number is as quiet as can be: it must not become a place outside the shelves.
    quietness = np.nan_to_num(under_loudest, nan=SHELVES).clip(0, SHELVES).astype(np.int32)
    return _integrate(quietness, along_time, along_frequency, phases)


def _slopes(
    log_magnitude: NDArray[np.float32], hop: float, window: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Phase advance per frame and per bin (eq. 18-19 there), for frames centred on their own time.

    Whole turns are left out, so that single precision is enough.
    """
    gamma = GAMMA * window * window
    own = TURN * hop / window * np.arange(log_magnitude.shape[1])  # what a bin's own frequency turns
    beside = np.pad(log_magnitude, ((0, 0), (1, 1)), mode="edge")
    along_time = (beside[:, 2:] - beside[:, :-2]) * np.float32(hop * window / gamma / 2)
    along_time += np.remainder(own, TURN).astype(np.float32)
    around = np.pad(log_magnitude, ((1, 1), (0, 0)), mode="wrap")
    along_frequency = (around[:-2] - around[2:]) * np.float32(gamma / (hop * window) / 2)
    return along_time, along_frequency


def _close_the_circle(along_time: NDArray[np.float32], magnitudes: NDArray[np.float32]) -> None:
    """Spread each bin's missing turn over the frames, together with the neighbours in its lobe."""
    total = along_time.sum(0, dtype=np.float64)
    energy = np.square(magnitudes).sum(0, dtype=np.float64)
    lobe = np.convolve(energy * np.exp(1j * total), np.ones(5), mode="same")
    along_time -= (np.angle(lobe) / len(along_time)).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _integrate(
    quietness: NDArray[np.int32],
    along_time: NDArray[np.float32],
    along_frequency: NDArray[np.float32],
    phases: NDArray[np.float32],
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Fill `phases` from loud to quiet; cells as quiet as `SHELVES` keep what they have. `quietness` is used up.

    The heap is a row of shelves, one for each step of loudness, first come first served: five times as fast as a
    comparing heap, and nobody hears 0.04 dB. A cell that is done counts as quiet.
    """
    frames, bins = quietness.shape
    cells, half, turn = frames * bins, np.float32(0.5), np.float32(TURN)
    first, last = np.full(SHELVES, -1, np.int32), np.full(SHELVES, -1, np.int32)
    following = np.empty(cells, np.int32)
    order = _by_loudness(quietness)
    quiet, phase = quietness.ravel(), phases.ravel()
    in_time, in_frequency = along_time.ravel(), along_frequency.ravel()
    for start in order:
        shelf = quiet[start]
        if shelf == SHELVES:
            continue
        quiet[start] = SHELVES
        _enqueue(start, shelf, first, last, following)
        waiting = 1
        while waiting > 0:
            while first[shelf] < 0:
                shelf += 1
            cell = first[shelf]
            first[shelf] = following[cell]
            waiting -= 1
            for side in range(4):
                other = _neighbour(cell, side, bins, cells)
                level = quiet[other]
                if level == SHELVES:
                    continue
                quiet[other] = SHELVES
                slope = in_time if side < 2 else in_frequency
                step = half * (slope[cell] + slope[other])
                turned = phase[cell] + step if side % 2 == 0 else phase[cell] - step
                phase[other] = turned - turn * np.rint(turned / turn)
                _enqueue(other, level, first, last, following)
                waiting += 1
                shelf = min(shelf, level)
    return phases


@numba.njit(cache=True, nogil=True)
def _enqueue(
    cell: int, shelf: int, first: NDArray[np.int32], last: NDArray[np.int32], following: NDArray[np.int32]
) -> None:  # pragma: no cover - compiled
    """Put a cell at the end of a shelf's queue."""
    following[cell] = -1
    if first[shelf] < 0:
        first[shelf] = cell
    else:
        following[last[shelf]] = cell
    last[shelf] = cell


@numba.njit(cache=True, nogil=True)
def _neighbour(cell: int, side: int, bins: int, cells: int) -> int:  # pragma: no cover - compiled
    """Return the cell a frame later (side 0) or earlier (1) round the loop, or a bin higher (2) or lower (3) if any."""
    if side == 0:
        return cell + bins if cell + bins < cells else cell + bins - cells
    if side == 1:
        return cell - bins if cell >= bins else cell - bins + cells
    place = cell % bins
    if side == 2:
        return cell + 1 if place + 1 < bins else cell
    return cell - 1 if place > 0 else cell


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
