"""The features of the page, measured on the written file; level and chroma are measured as for the reported scores.

A loop is measured on a circle: its first frame hears the end of the loop as its past.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.fft import rfft

from engine.audio.reading import Samples
from engine.metrics.framing import Signal, frames_of, scaled
from engine.metrics.melody import chromagram, high_passed

LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
BANDS_PER_OCTAVE = 24
PITCH_WINDOW, TIME_WINDOW = 8192, 2048  # samples at 44.1 kHz: one hears notes, the other hits
CROSSOVER_HZ = 600.0
QUIET = 0.02  # of the loud frames' energy: 17 dB below them


@dataclass(frozen=True, slots=True)
class Picture:
    """Values on a grid: `values` [rows, frames]; frame i stands at beat `i * beats / frames`."""

    values: Signal
    rows: Signal


def spectrogram(mono: Signal, sample_rate: int, *, circular: bool, frames: int = 1200) -> Picture:
    """Return levels in dB in bands of a quarter tone from 40 Hz to 16 kHz: rows are band centres in Hz.

    Of two windows the long one serves below 600 Hz, where pitch matters, the short one above.
    """
    top_hz = min(HIGHEST_HZ, 0.48 * sample_rate)
    centres_hz = LOWEST_HZ * 2 ** np.arange(0, np.log2(top_hz / LOWEST_HZ), 1 / BANDS_PER_OCTAVE)
    pitch, time = (
        _bands_db(mono, sample_rate, window, centres_hz, frames, circular=circular)
        for window in (PITCH_WINDOW, TIME_WINDOW)
    )
    blend = np.clip(np.log2(centres_hz / CROSSOVER_HZ) + 0.5, 0, 1)[:, None]
    return Picture(pitch * (1 - blend) + time * blend, centres_hz)


def _bands_db(
    mono: Signal, sample_rate: int, window_at_44100: int, centres_hz: Signal, frames: int, *, circular: bool
) -> Signal:
    """Return the level at each centre, read between FFT bins: [bands, frames]."""
    samples = scaled(window_at_44100, sample_rate)
    window = np.hanning(samples)
    spectrum = np.abs(rfft(frames_of(mono, samples, frames, circular=circular) * window, axis=1)) ** 2
    level_db = 10 * np.log10(spectrum * 4 / window.sum() ** 2 + 1e-12)
    place = centres_hz * samples / sample_rate
    low = np.clip(place.astype(int), 0, level_db.shape[1] - 2)
    share = place - low
    return np.asarray((level_db[:, low] * (1 - share) + level_db[:, low + 1] * share).T)


def chroma(mono: Signal, sample_rate: int, *, circular: bool) -> Picture:
    """Return the energy of each pitch class, 0 (C) to 11 (B), against the frame's strongest: [12, frames].

    Frames far below the loud ones stay dark, or the hiss in a rest would shine like a chord.
    """
    high = high_passed(mono, sample_rate, circular=circular)
    classes = chromagram(high, sample_rate, circular=circular).T
    strongest = classes.max(0, keepdims=True)
    least = max(QUIET * float(np.percentile(strongest, 95)), 1e-12)
    return Picture(classes / np.maximum(strongest, least), np.arange(12.0))


def outline(mono: Signal, columns: int) -> tuple[Signal, Signal]:
    """Return the lowest and highest sample of each of `columns` equal parts."""
    edges = np.linspace(0, len(mono), columns + 1).astype(int)[:-1]
    return np.minimum.reduceat(mono, edges), np.maximum.reduceat(mono, edges)


def around_the_wrap(audio: Samples, sample_rate: int, seconds: float) -> tuple[Signal, Samples]:
    """Return times in ms and samples [channels, n] from `seconds` before the wrap to as long after."""
    half = min(round(seconds * sample_rate), audio.shape[1])
    samples = np.concatenate([audio[:, audio.shape[1] - half :], audio[:, :half]], axis=1)
    return np.arange(-half, half) * 1e3 / sample_rate, samples


def beats_of(frames: int, beats: Fraction) -> Signal:
    """Return the beat at which each of `frames` frames stands."""
    return np.asarray(np.arange(frames) * float(beats) / frames)
