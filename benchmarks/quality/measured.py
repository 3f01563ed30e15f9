"""The scores that verdicts are about, once more: written anew from their definitions, to check the program's own.

Nothing here is of `engine.metrics`, and files are read by libsndfile. A loop is measured on a circle. Frame i of n is
centred on sample i * samples / n. Definitions: `docs/controls.md`; Ellis' chroma (2007); SuperFlux (Boeck and Widmer,
2013); ITU-R BS.1770-5, Annex 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, freqz_sos, upfirdn
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
