"""What is heard is what sounds, where the answer is known; and silence, noise and short sounds are heard as nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics.hearing.transcription import chords_of, hits_of, melody_of

RATE = 22_050


def tone(pitch: float, seconds: float, partials: int = 5) -> np.ndarray:
    """Return a plucked tone with an attack and a decay."""
    time = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, partials + 1))
    return np.asarray(0.2 * wave * np.minimum(1, time / 0.004) * np.exp(-1.5 * time / seconds))


@settings(max_examples=8)
@given(st.lists(st.sampled_from((62, 64, 67, 69, 72, 74, 76)), min_size=3, max_size=5, unique=True))
def test_a_line_is_written_down_as_it_is_played(pitches: list[int]) -> None:
    """Each note of a line has its pitch, and begins and ends within a twentieth of a second of where it does."""
    line = np.concatenate([tone(pitch, 0.5) for pitch in pitches])
    heard = melody_of(np.tile(line, (2, 1)), RATE)
    assert [note.pitch for note in heard] == pitches
    for index, note in enumerate(heard):
        assert note.start_seconds == pytest.approx(0.5 * index, abs=0.05)
        assert note.end_seconds == pytest.approx(0.5 * index + 0.5, abs=0.1)
        assert 0 < note.strength <= 1


def test_notes_struck_again_are_several() -> None:
    """The same pitch three times is three notes."""
    line = np.concatenate([tone(67, 0.4), tone(67, 0.4), tone(67, 0.8)])
    assert [note.pitch for note in melody_of(line, RATE)] == [67, 67, 67]


@pytest.mark.parametrize("root", range(0, 12, 3))
def test_chords_are_told_by_root_and_third(root: int) -> None:
    """A major and a minor triad, half a bar each, are those; a bar of one chord is one chord; silence is none."""

    def chord(third: int, seconds: float) -> np.ndarray:
        return np.asarray(sum(tone(60 + root + step, seconds) for step in (0, third, 7)))

    halves = np.concatenate([chord(4, 1.0), chord(3, 1.0), chord(3, 2.0), np.zeros(2 * RATE)])
    heard = chords_of(np.tile(halves, (2, 1)), RATE, 3)
    told = [(round(one.start_seconds), round(one.end_seconds), one.root, one.quality) for one in heard]
    assert told == [(0, 1, root, "major"), (1, 4, root, "minor")]


def kick() -> np.ndarray:
    """Return a sweep from 150 to 50 Hz."""
    time = np.arange(round(0.2 * RATE)) / RATE
    return np.asarray(0.8 * np.sin(2 * np.pi * (50 * time - 3 * np.exp(-time / 0.03))) * np.exp(-time / 0.08))


def noise(low_hz: float, high_hz: float, seconds: float, level: float) -> np.ndarray:
    """Return a burst of noise within a band."""
    size = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / RATE)
    burst = np.fft.irfft(np.where((hz > low_hz) & (hz < high_hz), spectrum, 0), size)
    return np.asarray(level * burst / np.abs(burst).max() * np.exp(-5 * np.arange(size) / size))


def test_kick_snare_and_hat_are_told_apart() -> None:
    """Each hit of a bar has its group and its place; the loudest of a kind has strength 1."""
    bar = np.zeros(2 * RATE)
    placed = {
        "kick": ((0.0, 1.0), kick()),
        "snare": ((0.5, 1.5), noise(200, 5_000, 0.15, 0.5)),
        "hat": ((0.25, 0.75, 1.25, 1.75), noise(6_000, 10_500, 0.05, 0.3)),
    }
    for places, sound in placed.values():
        for at in places:
            start = round(at * RATE)
            bar[start : start + len(sound)] += sound[: len(bar) - start]
    heard = hits_of(np.tile(bar, (2, 1)), RATE)
    for group, (places, _) in placed.items():
        found = [(hit.seconds + 0.05) % 2 - 0.05 for hit in heard if hit.group == group]  # one may be a little early
        assert sorted(found) == pytest.approx(places, abs=0.02)
        assert max(hit.strength for hit in heard if hit.group == group) == pytest.approx(1)


@pytest.mark.parametrize("samples", [1, 50, RATE])
def test_silence_is_heard_as_nothing(samples: int) -> None:
    """However short, no note, no chord and no hit is invented."""
    silence = np.zeros((2, samples), np.float32)
    assert melody_of(silence, RATE) == []
    assert chords_of(silence, RATE, 1) == []
    assert hits_of(silence, RATE) == []


def test_noise_has_no_melody() -> None:
    """A rush without pitch has next to no notes."""
    assert len(melody_of(0.1 * np.random.default_rng(1).standard_normal((2, 2 * RATE)), RATE)) <= 1


@given(st.integers(32, 9_000), st.floats(0, 1, exclude_max=True), st.sampled_from([8_000, 22_050, RATE]))
@settings(max_examples=60, deadline=None)
def test_a_hit_is_heard_in_a_loop_that_is_shorter_than_what_is_compared(samples: int, place: float, rate: int) -> None:
    """As in a 64th at 240 BPM, which goes round several times within the 50 ms after a hit."""
    noise = np.random.default_rng(samples).standard_normal(samples)
    burst = np.roll(noise * np.exp(-np.arange(samples) / (0.004 * rate)), int(place * samples)).astype(np.float32)
    assert all(0 <= hit.seconds <= samples / rate for hit in hits_of(np.tile(burst, (2, 1)), rate))
