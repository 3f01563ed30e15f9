"""Single cycles by family and identity, and their cutoff-graded, band-limited tables."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

SAMPLE_RATE: Final = 44100  # Hz, of every sound and of the asset pack
TABLE_LENGTH: Final = 2048
GRADES: Final = 24
LOWEST_CUTOFF_HZ: Final = 60.0
HIGHEST_CUTOFF_HZ: Final = 18000.0
ZONE_SEMITONES: Final = 6
_HARMONICS: Final = 512
_CUTOFFS_HZ: Final = LOWEST_CUTOFF_HZ * (HIGHEST_CUTOFF_HZ / LOWEST_CUTOFF_HZ) ** (np.arange(GRADES) / (GRADES - 1))


@lru_cache(maxsize=256)
def synthetic_spectrum(cycle: str, cycle_id: int) -> NDArray[Any]:
    """Complex harmonics 1.. of a written waveform; the identity makes small, lasting differences."""
    rng = Random(f"{cycle} {cycle_id}")
    n = np.arange(1, _HARMONICS + 1, dtype=np.float64)
    tilt = n ** rng.uniform(-0.15, 0.1)
    if cycle == "sine":
        amplitude = np.where(n == 1, 1.0, np.where(n == 2, rng.uniform(0.0, 0.15), 0.0))
    elif cycle == "triangle":
        amplitude = np.where(n % 2 == 1, n**-2.0, rng.uniform(0.0, 0.1) * n**-2.0)
    elif cycle == "square":
        amplitude = np.where(n % 2 == 1, 1.0 / n, rng.uniform(0.0, 0.08) / n) * tilt
    elif cycle == "pulse":
        amplitude = np.abs(np.sin(np.pi * n * rng.uniform(0.08, 0.4))) / n * tilt
    else:
        amplitude = _shaped(cycle, rng, n) * tilt
    return np.asarray(-1j * amplitude)


def _shaped(cycle: str, rng: Random, n: NDArray[Any]) -> NDArray[Any]:
    if cycle == "organ":
        bars = {
            1: 1.0,
            2: rng.uniform(0.3, 1),
            3: rng.uniform(0.1, 0.9),
            4: rng.uniform(0.0, 0.8),
            6: rng.uniform(0, 0.5),
            8: rng.uniform(0, 0.5),
        }
        return np.array([bars.get(int(k), 0.0) for k in n])
    if cycle == "piano":
        return n ** -rng.uniform(1.1, 1.5) * np.abs(np.sin(np.pi * n / rng.uniform(7.2, 8.5))) + 1e-9
    if cycle == "strings":
        return _formants(n, rng, ((2.5, 1.5, 1.0), (9.0, 4.0, 0.6))) / n**0.9
    if cycle == "brass":
        return _formants(n, rng, ((3.0, 2.5, 1.4),)) / n**0.8
    if cycle == "choir":
        return _formants(n, rng, ((1.7, 1.0, 2.2), (4.0, 1.3, 1.3), (9.0, 2.5, 0.7))) / n**1.5
    if cycle == "akwf":
        random = np.array([rng.random() ** 2 for _ in range(64)])
        amplitude = np.zeros_like(n)
        amplitude[:64] = random / n[:64] ** rng.uniform(0.4, 1.1)
        amplitude[0] = max(amplitude[0], 0.7)
        return amplitude
    return 1.0 / n


def _formants(n: NDArray[Any], rng: Random, peaks: tuple[tuple[float, float, float], ...]) -> NDArray[Any]:
    gain = np.full_like(n, 0.35)
    for centre, width, height in peaks:
        middle = centre * rng.uniform(0.8, 1.25)
        gain += height * rng.uniform(0.6, 1.3) * np.exp(-0.5 * ((n - middle) / width) ** 2)
    return gain


def recorded_spectrum(cycle: FloatArray) -> NDArray[Any]:
    """Complex harmonics of a recorded cycle; the first is kept strong, so that its pitch is clear."""
    harmonics = np.fft.rfft(cycle.astype(np.float64))[1 : _HARMONICS + 1]
    spectrum = np.zeros(_HARMONICS, dtype=np.complex128)
    spectrum[: len(harmonics)] = harmonics / (np.abs(harmonics).max() + 1e-9)
    first = abs(spectrum[0])
    if first < 0.6:
        spectrum[0] = 0.6 * (spectrum[0] / first if first > 1e-9 else -1j)
    return spectrum


def zone_table(spectrum: NDArray[Any], zone: int, resonance: float, sample_rate: int) -> FloatArray:
    """Tables [GRADES, TABLE_LENGTH + 1] for the semitones above MIDI `zone * ZONE_SEMITONES`.

    Each grade has its low-pass (12 dB an octave with a resonant peak) applied; harmonics that would
    pass 18.5 kHz at the top of the zone are left out. The level is that of the open waveform.
    """
    base_hz = 440.0 * 2.0 ** ((zone * ZONE_SEMITONES - 69) / 12)
    top_hz = base_hz * 2.0 ** (ZONE_SEMITONES / 12)
    count = max(1, min(_HARMONICS, int(min(18500.0, 0.45 * sample_rate) / top_hz)))
    n = np.arange(1, count + 1)
    ratio = (n[None, :] * base_hz * 2.0 ** (ZONE_SEMITONES / 24)) / _CUTOFFS_HZ[:, None]
    q = 0.7 + 9.0 * resonance**2
    gain = 1.0 / np.sqrt((1.0 - ratio**2) ** 2 + (ratio / q) ** 2)
    gain /= 1.0 + 0.6 * (q - 0.7) / 4.0
    spectra = np.zeros((GRADES, TABLE_LENGTH // 2 + 1), dtype=np.complex128)
    spectra[:, 1 : count + 1] = spectrum[None, :count] * gain
    waves = np.fft.irfft(spectra, TABLE_LENGTH, axis=1)
    level = np.sqrt(np.sum(np.abs(spectrum) ** 2)) / TABLE_LENGTH * np.sqrt(2.0)
    table = np.empty((GRADES, TABLE_LENGTH + 1), dtype=np.float32)
    table[:, :-1] = waves / (level + 1e-12)
    table[:, -1] = table[:, 0]
    return table
