"""The scores that verdicts are about, once more: written anew from their definitions, to check the program's own.

Nothing here is of `engine.metrics`, and files are read by libsndfile. A loop is measured on a circle. Frame i of n is
centred on sample i * samples / n. Definitions: `docs/controls.md`; Ellis' chroma (2007); SuperFlux (Boeck and Widmer,
2013); ITU-R BS.1770-5, Annex 2; cepstra of the HTK book; self-similarity as in DITTO (Novack et al. 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, freqz_sos, savgol_filter, upfirdn
from scipy.signal.windows import hann
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

Values = NDArray[np.float64]

FLOOR_DB = -60.0
MATCH_SECONDS = 0.07
METER_TAPS = (  # every fourth of the standard's 48, and the same for the next phase; the other two are their reverse
    "0.0017089843750 0.0109863281250 -0.0196533203125 0.0332031250000 -0.0594482421875 0.1373291015625 "
    "0.9721679687500 -0.1022949218750 0.0476074218750 -0.0266113281250 0.0148925781250 -0.0083007812500",
    "-0.0291748046875 0.0292968750000 -0.0517578125000 0.0891113281250 -0.1665039062500 0.4650878906250 "
    "0.7797851562500 -0.2003173828125 0.1015625000000 -0.0582275390625 0.0330810546875 -0.0189208984375",
)


CHORD_WINDOW, CHORD_HOP = 16_384, 2048  # samples at any rate
CHORD_HZ = (60.0, 2100.0)
CHORD_SHAPES = {  # above the root
    "major": ("0 4 7", "0 4 7 11", "0 4 7 10", "0 2 4 11", "0 2 4 10", "0 2 4 7"),
    "minor": ("0 3 7", "0 3 7 10", "0 2 3 10", "0 1 3 10"),
}


@dataclass(frozen=True, slots=True)
class Loop:
    """A file's samples [channels, samples] at `rate` Hz."""

    samples: Values
    rate: int

    @classmethod
    def read(cls, path: Path) -> "Loop":
        """Read a file."""
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
        return cls(samples.T, rate)

    @property
    def mono(self) -> Values:
        """The mean of the channels."""
        return np.asarray(self.samples.mean(0))

    def frames(self, hop: float) -> int:
        """Return how many frames fit with a hop of so many samples at 44.1 kHz."""
        return max(1, round(self.samples.shape[1] / (hop * self.rate / 44_100)))


def level_db(loop: Loop) -> Values:
    """Return the RMS of both channels over 2048 samples each 512, in dB, smoothed by a parabola over a second."""
    length, count = loop.samples.shape[1], loop.frames(512)
    half = round(2048 * loop.rate / 88_200)
    power = np.tile((loop.samples**2).mean(0), 3)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    centre = np.rint(np.arange(count) * length / count).astype(int) + length
    rms = np.sqrt(np.maximum((sums[centre + half] - sums[centre - half]) / (2 * half), 0))
    return smoothed(np.maximum(20 * np.log10(np.maximum(rms, 1e-12)), FLOOR_DB), length / loop.rate)


def smoothed(values: Values, seconds: float) -> Values:
    """Return for each frame the middle of the parabola that fits the second round it best, going round."""
    reach = max(1, round((len(values) / seconds - 1) / 2))
    place = np.arange(-reach, reach + 1)
    fit = np.linalg.pinv(np.vander(place, 3))[-1]  # of its value in the middle
    kernel = np.zeros(len(values))
    np.add.at(kernel, place % len(values), fit)
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(values) * scipy.fft.rfft(kernel).conj(), len(values)))


def brightness_octaves(loop: Loop) -> Values:
    """Return log2 of the power centroid in hertz of 4096 samples each 1024, both moments averaged over a second."""
    windows, hertz = _windows(loop.mono, loop.rate, 4096, loop.frames(1024))
    size = windows.shape[1]
    shape = np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2
    power = np.abs(scipy.fft.rfft(windows * shape)) ** 2 * 2 / (size * (shape**2).sum())
    seconds = len(loop.mono) / loop.rate
    level, moment = (second_long(values, seconds) for values in (power.sum(1), (power * hertz).sum(1)))
    return np.asarray(np.log2((moment + 20e-9) / (level + 1e-9)))


def second_long(values: Values, seconds: float) -> Values:
    """Return `values` averaged over a second round each frame with Hann weights, going round."""
    half = max(1, round(len(values) / seconds / 2))
    weights = hann(2 * half + 1)[1:-1]
    kernel = np.zeros(len(values))
    np.add.at(kernel, np.arange(-half + 1, half) % len(values), weights / weights.sum())
    return np.asarray(scipy.fft.irfft(scipy.fft.rfft(values) * scipy.fft.rfft(kernel).conj(), len(values)))


def pitch_classes(loop: Loop) -> NDArray[np.intp]:
    """Return the loudest pitch class, C being 0, of 8192 samples each 2048, above middle C."""
    mono = loop.mono
    hertz = scipy.fft.rfftfreq(len(mono), 1 / loop.rate)
    _, gain = freqz_sos(butter(2, 261.2, "highpass", fs=loop.rate, output="sos"), hertz, fs=loop.rate)
    high = scipy.fft.irfft(scipy.fft.rfft(mono) * gain, len(mono))
    windows, hertz = _windows(np.asarray(high), loop.rate, 8192, loop.frames(2048))
    power = np.abs(scipy.fft.rfft(windows * hann(windows.shape[1], sym=False))) ** 2
    octave = np.log2(hertz[1:] / 16.3516)
    wide = np.maximum(12 * np.gradient(octave), 1.0)
    weights = np.zeros((12, len(octave)))
    for pitch_class in range(12):
        away = np.mod(12 * octave - pitch_class + 6, 12) - 6
        weights[pitch_class] = np.exp(-2 * (away / wide) ** 2)
    weights *= np.exp(-(((octave - 5) / 2) ** 2) / 2) / np.linalg.norm(weights, axis=0)
    return np.asarray((power[:, 1:] @ weights.T).argmax(1))


def onsets_seconds(loop: Loop) -> Values:
    """Return when hits are, found by the rise of the spectrum over the neighbouring bands of 15 ms before."""
    mono, rate = loop.mono, loop.rate
    count = max(1, round(len(mono) / (0.005 * rate)))
    windows, hertz = _windows(mono, rate, 1024, count)
    shape = hann(windows.shape[1], sym=False)
    magnitude = np.abs(scipy.fft.rfft(windows * shape)) / shape.sum()
    edges = 40 * 2 ** (np.arange(int(12 * np.log2(min(16_000, rate / 2) / 40)) + 1) / 12)
    bands = [magnitude[:, (hertz > low) & (hertz <= high)] for low, high in zip(edges[:-1], edges[1:], strict=True)]
    level = np.log10(1 + 1e4 * np.stack([band.sum(1) for band in bands if band.shape[1]], 1))
    padded = np.pad(level, ((0, 0), (1, 1)), mode="edge")
    highest = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    rise = np.maximum(level - highest[np.arange(-3, count - 3)], 0).mean(1)
    if rise.max() < 0.01:
        return np.zeros(0)
    hop = len(mono) / rate / count
    apart, reach = round(0.045 / hop), round(0.1 / hop)
    around = [np.roll(rise, step) for step in range(-reach, reach + 1)]
    near = np.stack([np.roll(rise, step) for step in range(-apart, apart + 1)]).max(0)
    picked = np.flatnonzero((rise >= near) & (rise > 1.8 * np.mean(around, 0)) & (rise > 0.1 * rise.max()))
    before, here, after = rise[picked - 1], rise[picked], rise[(picked + 1) % count]
    curve = before - 2 * here + after
    bent = np.divide(before - after, 2 * curve, out=np.zeros(len(picked)), where=curve < 0)
    return np.sort(((picked + bent) * hop - 0.0005) % (len(mono) / rate))


def f1(found: Values, wanted: Sequence[float], seconds: float) -> float:
    """Return the F1 of hits `found` in a loop of so many seconds, one to one within 70 ms."""
    asked = np.unique(wanted)
    if not len(found) or not len(asked):
        return float(len(found) == len(asked))
    away = np.abs(np.mod(found[:, None] - asked + seconds / 2, seconds) - seconds / 2)
    pairs = maximum_bipartite_matching(csr_array(away <= MATCH_SECONDS + 1e-9), perm_type="column")
    return 2 * int((pairs >= 0).sum()) / (len(found) + len(asked))


def form_mse(loop: Loop, form: str) -> float:
    """Return the mean squared error of a loop's self-similarity against that of the letters of `form`."""
    letters = np.array([[float(one == kind) for kind in sorted(set(form))] for one in form])
    asked = _likeness(np.kron(letters, np.ones((4, 1)))) if letters.shape[1] > 1 else 1.0
    cepstra, count = _cepstra(loop), 4 * len(form)
    owner = np.arange(len(cepstra)) * count // len(cepstra)
    found = _likeness(np.array([cepstra[owner == stretch].mean(0) for stretch in range(count)]))
    return float(((found - asked) ** 2).mean())


def _likeness(rows: Values) -> Values:
    """Return the cosines between rows, their mean taken away, smoothed over five in both directions."""
    rows = rows - rows.mean(0)
    rows = rows / np.maximum(np.sqrt((rows**2).sum(1, keepdims=True)), 1e-3)
    cosines = rows @ rows.T
    width = min(5, (len(cosines) - 1) // 2 * 2 + 1)
    for axis in (0, 1):
        cosines = savgol_filter(cosines, width, 2, axis=axis, mode="nearest")
    return np.asarray(cosines)


def _cepstra(loop: Loop) -> Values:
    """Return the coefficients 1 to 13 of 40 mel bands from 40 Hz to 16 kHz, of 2048 samples each 512, in dB."""
    windows, hertz = _windows(loop.mono, loop.rate, 2048, loop.frames(512))
    size = windows.shape[1]
    shape = hann(size, sym=False)
    power = np.abs(scipy.fft.rfft(windows * shape)) ** 2 * 2 / (size * (shape**2).sum())
    mel = 2595 * np.log10(1 + np.array([40.0, min(16_000.0, loop.rate / 2)]) / 700)
    corner = 700 * (10 ** (np.linspace(mel[0], mel[1], 42) / 2595) - 1)
    bands = [np.interp(hertz, corner[band : band + 3], (0, 1, 0)) for band in range(40)]
    level = 10 * np.log10(power @ np.stack(bands, 1) + 1e-9)
    turns = np.outer(np.arange(40) + 0.5, np.arange(1, 14)) / 40
    return np.asarray(level @ np.cos(np.pi * turns)) * np.sqrt(2 / 40)


def chord(loop: Loop, start_seconds: float, end_seconds: float) -> tuple[int, str]:
    """Return the root, C being 0, and the quality of the major or minor chord that a stretch of a loop is most like."""
    stretch = loop.mono[round(start_seconds * loop.rate) : round(end_seconds * loop.rate)]
    sounding = _peaks_by_class(stretch, loop.rate)
    likeness = {}
    for quality, shapes in CHORD_SHAPES.items():
        for root in range(12):
            for shape in shapes:
                steps = [int(step) for step in shape.split()]
                notes = sum(sounding[(root + step) % 12] * (1.0 if step else 1.3) for step in steps)
                likeness[root, quality, shape] = notes / np.sqrt(len(steps) - 1 + 1.3**2)
    root, quality, _ = max(likeness, key=lambda one: likeness[one])
    return root, quality


def _peaks_by_class(stretch: Values, rate: int) -> Values:
    """Return how much of each pitch class sounds: roots of the peaks of lasting bins that are no overtones."""
    count = max(8, round(len(stretch) / CHORD_HOP))
    centre = np.rint(np.arange(count) * len(stretch) / count).astype(int)
    index = (centre - CHORD_WINDOW // 2)[:, None] + np.arange(CHORD_WINDOW)
    spectrum = np.abs(scipy.fft.rfft(np.take(stretch, index, mode="wrap") * hann(CHORD_WINDOW, sym=False)))
    low, high = (int(hertz * CHORD_WINDOW / rate) for hertz in CHORD_HZ)
    bins = spectrum[:, low - 1 : high + 2]
    lasting = np.median([np.roll(bins, step, axis=0) for step in range(-2, 3)], axis=0)
    around = np.pad(lasting, ((0, 0), (20, 20)), mode="symmetric")
    mean = np.lib.stride_tricks.sliding_window_view(around, 41, axis=1).mean(-1)
    peak = np.zeros(lasting.shape, dtype=bool)
    peak[:, 1:-1] = (lasting[:, 1:-1] > lasting[:, :-2]) & (lasting[:, 1:-1] > lasting[:, 2:])
    peak &= lasting > 1.2 * mean
    loud = np.where(peak, lasting, 0.0)
    classes = np.zeros(12)
    for frame, column in np.argwhere(peak):
        place, here = column + low - 1, loud[frame, column]
        if any(here <= 0.3 * _loudest_near(loud[frame], round(place / overtone) - low + 1) for overtone in (3, 5)):
            continue
        before, top, after = np.log(np.maximum(lasting[frame, column - 1 : column + 2], 1e-9))
        place += (before - after) / 2 / min(before - 2 * top + after, -1e-9)
        semitone = 12 * np.log2(place * rate / CHORD_WINDOW / 440) + 9
        away = np.mod(semitone - np.arange(12) + 6, 12) - 6
        classes += np.sqrt(here) * np.exp(-((away / 0.3) ** 2) / 2)
    return classes / count


def _loudest_near(peaks: Values, column: int) -> float:
    """Return the loudest peak within a bin of `column`; 0 below the lowest."""
    return float(peaks[max(0, column - 1) : column + 2].max()) if column >= 1 else 0.0


def true_peaks_dbtp(loop: Loop) -> tuple[float, float]:
    """Return the true peak by the meter of BS.1770-5, and by exact interpolation at eight times the rate."""
    first, second = ([float(tap) for tap in taps.split()] for taps in METER_TAPS)
    filter_ = np.stack([first, second, second[::-1], first[::-1]], 1).ravel()  # as the standard prints it
    around = np.tile(loop.samples, 3)
    metered = upfirdn(filter_, around, up=4, axis=1)
    length = loop.samples.shape[1]
    spectrum = np.zeros((len(loop.samples), 4 * length + 1), dtype=np.complex128)
    own = scipy.fft.rfft(loop.samples, axis=1)
    spectrum[:, : own.shape[1]] = own
    exact = scipy.fft.irfft(spectrum, 8 * length, axis=1) * 8
    peaks = (np.abs(metered[:, 4 * length : 8 * length]).max(), np.abs(exact).max())
    return float(20 * np.log10(max(peaks[0], 1e-10))), float(20 * np.log10(max(peaks[1], 1e-10)))


def _windows(mono: Values, rate: int, window_at_44100: int, count: int) -> tuple[Values, Values]:
    """Return the windows of `count` frames [count, window], and the frequencies of their bins in hertz."""
    size = 2 * max(1, round(window_at_44100 * rate / 88_200))
    centre = np.rint(np.arange(count) * len(mono) / count).astype(int)
    index = (centre - size // 2)[:, None] + np.arange(size)
    return np.take(mono, index, mode="wrap"), scipy.fft.rfftfreq(size, 1 / rate)
