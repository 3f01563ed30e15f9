"""True peak and loudness agree with known signals."""

import numpy as np
import pytest

from engine.metrics.peak import loudness_lufs, true_peak_db


def test_a_peak_between_samples_is_found() -> None:
    """A sine at a quarter of the rate whose samples all miss its crest by 3 dB."""
    sine = np.sin(np.pi / 2 * np.arange(4_000) + np.pi / 4)
    assert 20 * np.log10(np.abs(sine).max()) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_db(sine[None], circular=True) == pytest.approx(0, abs=0.01)
    assert true_peak_db(sine[None], circular=False) == pytest.approx(0, abs=0.6)


def test_silence_has_a_level() -> None:
    """-200 dB, not minus infinity."""
    assert true_peak_db(np.zeros((2, 100)), circular=True) == -200
    assert loudness_lufs(np.zeros((2, 48_000)), 48_000) == -70


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_standards_reference_tone(rate: int) -> None:
    """997 Hz at 0 dBFS peak in one channel is -3.01 LUFS (BS.1770-4), at any rate."""
    tone = np.sin(2 * np.pi * 997 * np.arange(2 * rate) / rate)
    assert loudness_lufs(np.stack([tone, 0 * tone]), rate) == pytest.approx(-3.01, abs=0.05)


def test_the_gate_leaves_silence_out() -> None:
    """Half a loop of silence makes it hardly quieter."""
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(96_000) / 48_000)
    half = tone * (np.arange(96_000) < 48_000)
    difference = loudness_lufs(np.stack([tone, tone]), 48_000) - loudness_lufs(np.stack([half, half]), 48_000)
    assert 0 <= difference < 1.5
