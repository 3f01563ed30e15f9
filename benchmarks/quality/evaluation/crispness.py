"""How crisp loops are: how far lines of pitch and hits stand out, and whether a listener tells two sets apart."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from scipy.stats import rankdata

from engine.metrics.framing import Signal, count_of, frames_of, mono, scaled

LINE_WINDOW, LINE_HOP = 8192, 2048
LINES_HZ = (100.0, 3000.0)
SURROUNDING_BINS, LINES = 41, 40
HIT_WINDOW, HIT_HOP, HIT_GAIN = 512, 128, 1000.0
PICTURE_WINDOW, PICTURE_HOP, PICTURE_BANDS, PICTURE_HZ = 2048, 512, 48, (40.0, 16_000.0)
EQUAL_RMS = 0.1
SILENT = 1e-4  # of the loudest frame's power: nothing stands out of silence
FLOOR = 1e-6  # of the mean power of a loop, so that digital silence is no picture
INVERSE_PENALTY, FOLDS = 0.05, 5  # of the logistic regression


def line_contrast_db(audio: NDArray[np.floating], sample_rate: int) -> float:
    """Return by how much the 40 bins that stand out most do so, over a running median, from 100 Hz to 3 kHz.

    The mean over frames that sound, round the loop, in dB; NaN for silence.
    """
    signal = mono(audio)
    window = scaled(LINE_WINDOW, sample_rate)
    count = count_of(len(signal), scaled(LINE_HOP, sample_rate))
    frames = frames_of(signal, window, count, circular=True) * np.hanning(window + 1)[:-1]
    power = np.abs(np.fft.rfft(frames)) ** 2
    first, last = (round(hz * window / sample_rate) for hz in LINES_HZ)
    total = power.sum(1)
    level = 10 * np.log10(power[total > SILENT * total.max(initial=1e-12)] + 1e-12)
    if not len(level):
        return float("nan")
    over = (level - median_filter(level, (1, SURROUNDING_BINS)))[:, first : last + 1]
    return float(np.partition(over, -LINES, axis=1)[:, -LINES:].mean())


def flux_crest(audio: NDArray[np.floating], sample_rate: int) -> float:
    """Return how far hits stand out: the 99 % quantile over the median of the summed rise of log(1 + 1000 |STFT|).

    Of a loop at equal level (an RMS of 0.1), in frames of 512 every 128; NaN for silence.
    """
    signal = _levelled(mono(audio))
    window = scaled(HIT_WINDOW, sample_rate)
    count = count_of(len(signal), scaled(HIT_HOP, sample_rate))
    frames = frames_of(signal, window, count, circular=True) * np.hanning(window + 1)[:-1]
    level = np.log1p(HIT_GAIN * np.abs(np.fft.rfft(frames)))
    rise = np.maximum(level - np.roll(level, 1, 0), 0).sum(1)
    usual = float(np.median(rise))
    return float(np.quantile(rise, 0.99)) / usual if usual > 0 else float("nan")


def statistics(audio: NDArray[np.floating], sample_rate: int) -> Signal:
    """Return what a simple listener knows of a loop: five numbers of each of 48 bands, less the last band's step.

    Mean, deviation, mean absolute step in time, its 98 % quantile and mean absolute step to the next band of a log
    picture from 40 Hz to 16 kHz, at equal level: [239].
    """
    signal = _levelled(mono(audio))
    window = scaled(PICTURE_WINDOW, sample_rate)
    count = count_of(len(signal), scaled(PICTURE_HOP, sample_rate))
    frames = frames_of(signal, window, count, circular=True) * np.hanning(window + 1)[:-1]
    power = np.abs(np.fft.rfft(frames)) ** 2 @ _bank(window, sample_rate)
    picture = np.log(power + FLOOR * power.mean() + 1e-20)
    step = np.abs(picture - np.roll(picture, 1, 0))
    across = np.abs(np.diff(picture, axis=1)).mean(0)
    return np.concatenate([picture.mean(0), picture.std(0), step.mean(0), np.quantile(step, 0.98, axis=0), across])


def _levelled(signal: Signal) -> Signal:
    rms = float(np.sqrt(np.mean(signal**2)))
    return signal * (EQUAL_RMS / rms) if rms > 0 else signal


@lru_cache(maxsize=4)
def _bank(window: int, sample_rate: int) -> Signal:
    """Return triangles [bins, 48] at equal distances in log frequency, none narrower than a bin."""
    frequency = np.fft.rfftfreq(window, 1 / sample_rate)
    edges = np.geomspace(*PICTURE_HZ, PICTURE_BANDS + 2)
    low, mid, high = edges[:-2], edges[1:-1], edges[2:]
    step = frequency[1]
    rising = 1 - (mid - frequency[:, None]) / np.maximum(mid - low, step)
    falling = 1 - (frequency[:, None] - mid) / np.maximum(high - mid, step)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    return np.asarray(weights / weights.sum(0))


def told_apart(some: NDArray[np.floating], others: NDArray[np.floating], seed: int = 0) -> float:
    """Return the area under the curve with which a logistic regression tells rows of `some` from `others`.

    0.5 is a coin. Standard scaling, C 0.05 (as scikit-learn counts it), five folds, each scored by what it never saw.
    """
    rows = np.concatenate([some, others]).astype(np.float64)
    truth = np.repeat([1.0, 0.0], [len(some), len(others)])
    scores = np.zeros(len(rows))
    for held in _folds(truth, seed):
        known = ~held
        mean, spread = rows[known].mean(0), rows[known].std(0) + 1e-9
        weights = _regression((rows[known] - mean) / spread, truth[known])
        scores[held] = (rows[held] - mean) / spread @ weights[:-1] + weights[-1]
    ranks = rankdata(scores)
    ahead = ranks[truth > 0].sum() - len(some) * (len(some) + 1) / 2
    return float(ahead / (len(some) * len(others)))


def _folds(truth: Signal, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield which rows are held back, of both kinds as many in every fold."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(truth), np.int64)
    for kind in (0.0, 1.0):
        rows = np.flatnonzero(truth == kind)
        fold[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    yield from (fold == number for number in range(FOLDS))


def _regression(rows: Signal, truth: Signal) -> Signal:
    """Return the weights of each column and an intercept that has no penalty."""
    sides = np.where(truth > 0, 1.0, -1.0)

    def loss(weights: Signal) -> tuple[float, Signal]:
        margin = sides * (rows @ weights[:-1] + weights[-1])
        pull = -INVERSE_PENALTY * sides * expit(-margin)
        slope = np.append(weights[:-1] + rows.T @ pull, pull.sum())
        return 0.5 * float(weights[:-1] @ weights[:-1]) - INVERSE_PENALTY * float(log_expit(margin).sum()), slope

    return np.asarray(minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B").x)
