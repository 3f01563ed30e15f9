"""Which key a loop is in, from its sound alone: chroma without the drums, against the keys' profiles."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from engine.metrics.framing import Signal, frames_of, mono
from midi.key import MODES, Key

WINDOW, LOWEST_HZ, HIGHEST_HZ = 16_384, 60.0, 2_100.0
# Probe-tone profiles (Krumhansl and Kessler 1982) say what listeners expect; these say what is played, as counted by
# Temperley (2007, Music and Probability, table 6.1), and suit loops whose thirds and sixths decide.
PROFILES = {
    "major": (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400),
    "minor": (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330),
}


def heard_key(audio: NDArray[np.floating], sample_rate: int) -> Key:
    """Return the major or minor key whose profile fits the chroma of a loop [channels, samples] best."""
    chroma = chroma_of(audio, sample_rate)
    fits = {
        (tonic, mode): np.corrcoef(np.roll(chroma, -tonic), profile)[0, 1]
        for mode, profile in PROFILES.items()
        for tonic in range(12)
    }
    return Key(*max(fits, key=lambda key: fits[key]))


def agrees(heard: Key, asked: Key) -> bool:
    """Whether `heard` is the key asked for or a relative: the same notes, or the same tonic and third."""
    third = 4 if 4 in MODES[asked.mode] else 3
    same_third = heard.tonic == asked.tonic and third in MODES[heard.mode]
    return same_third or heard.pitch_classes == asked.pitch_classes


def chroma_of(audio: NDArray[np.floating], sample_rate: int) -> Signal:
    """Return how much of each pitch class sounds over the loop: [12], C first.

    Only what lasts counts: each bin is the median over half a second, which takes drums away, and its root, so
    that one loud note does not outweigh a chord.
    """
    signal = mono(audio)
    count = max(8, round(len(signal) / 2048))
    shape = np.hanning(WINDOW + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(frames_of(signal, WINDOW, count, circular=True) * shape))
    used, classes = _classes(sample_rate)
    lasting = median_filter(magnitude[:, used], (5, 1), mode="wrap")
    return np.asarray(np.sqrt(_peaks(lasting)).mean(0) @ classes)


def _peaks(magnitude: Signal) -> Signal:
    """Return `magnitude` [frames, bins] where it is larger than both neighbours, else 0."""
    higher = (magnitude > np.roll(magnitude, 1, 1)) & (magnitude > np.roll(magnitude, -1, 1))
    return np.where(higher, magnitude, 0.0)


@lru_cache(maxsize=4)
def _classes(sample_rate: int) -> tuple[NDArray[np.bool_], Signal]:
    """Return which bins count, and the pitch class of each as a row of weights [bins, 12]; A4 is 440 Hz."""
    frequency = np.fft.rfftfreq(WINDOW, 1 / sample_rate)
    used = (frequency >= LOWEST_HZ) & (frequency <= HIGHEST_HZ)
    semitones = 69 + 12 * np.log2(frequency[used] / 440)
    away = (semitones[:, None] - np.arange(12) + 6) % 12 - 6
    return used, np.exp(-0.5 * (away / 0.35) ** 2)
