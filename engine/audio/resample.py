"""Resampling by the Fourier transform: exact length, band-limited, no delay."""

import numpy as np
from numpy.typing import NDArray


def resampled(audio: NDArray[np.float64], samples: int, *, circular: bool) -> NDArray[np.float64]:
    """Return `audio` [channels, n] resampled to [channels, samples], circular or mirrored at the ends."""
    if audio.shape[1] == samples:
        return audio
    if circular:
        return _round_the_circle(audio, samples)
    return _round_the_circle(np.concatenate([audio, audio[:, ::-1]], axis=1), 2 * samples)[:, :samples]


def _round_the_circle(audio: NDArray[np.float64], samples: int) -> NDArray[np.float64]:
    before = audio.shape[1]
    spectrum = np.fft.rfft(audio, axis=1)
    kept = np.zeros((audio.shape[0], samples // 2 + 1), dtype=np.complex128)
    shared = min(kept.shape[1], spectrum.shape[1])
    kept[:, :shared] = spectrum[:, :shared]
    if min(before, samples) % 2 == 0:
        kept[:, shared - 1] = 0  # the bin at half the rate has no defined phase; it is inaudible
    return np.asarray(np.fft.irfft(kept, n=samples, axis=1) * (samples / before))
