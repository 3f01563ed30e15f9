"""The reported melody is what was played, and the low end has no say."""

from typing import Any

import numpy as np
import pytest

from engine.metrics import melody

RATE = 44_100


def tune(
    pitches: list[int], *, seconds: float = 0.5, partials: int = 4, bass: int | None = None
) -> np.ndarray[Any, Any]:
    """Return plucked tones one after the other."""
    time = np.arange(round(seconds * RATE)) / RATE
    notes = []
    for pitch in pitches:
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * k * frequency * time) / k for k in range(1, partials + 1))
        notes.append(tone * np.exp(-2 * time) * 0.1)
    sound = np.concatenate(notes)
    if bass is not None:
        sound = sound + 0.3 * np.sin(2 * np.pi * 440 * 2 ** ((bass - 69) / 12) * np.arange(len(sound)) / RATE)
    return sound


def classes_of(pitches: list[int], frames: int) -> Any:
    index = np.arange(frames) * len(pitches) // frames
    return np.array(pitches)[index] % 12


@pytest.mark.parametrize("pitches", [[60, 64, 67, 72], [61, 63, 66, 68, 70], [84, 88, 91, 96], [75, 74, 73, 72]])
def test_a_played_tune_is_heard(pitches: list[int]) -> None:
    """Over 95 % of frames, from C4 to C7, under a loud bass on another note."""
    for bass in (None, 42):
        sound = tune(pitches, bass=bass)
        frames = melody.frame_count(len(sound), RATE)
        sounding = np.ones(frames, bool)
        found = melody.accuracy(sound, RATE, classes_of(pitches, frames), sounding, circular=True)
        assert found is not None
        assert found > 0.9


def test_another_tune_is_not() -> None:
    """A semitone up, hardly a frame agrees."""
    sound = tune([60, 64, 67, 72])
    frames = melody.frame_count(len(sound), RATE)
    found = melody.accuracy(sound, RATE, classes_of([61, 65, 68, 73], frames), np.ones(frames, bool), circular=True)
    assert found == pytest.approx(0, abs=0.1)


def test_rests_do_not_count() -> None:
    """Accuracy is of sounding frames; what a loop plays in its rests is free."""
    sound = tune([60, 64, 67, 72])
    frames = melody.frame_count(len(sound), RATE)
    sounding = np.arange(frames) < frames // 2
    found = melody.accuracy(sound, RATE, classes_of([60, 64, 0, 0], frames), sounding, circular=True)
    assert found is not None
    assert found > 0.9
    nothing = melody.accuracy(sound, RATE, classes_of([60], frames), np.zeros(frames, bool), circular=True)
    assert nothing is None


def test_the_high_pass_is_in_its_steady_state_at_the_wrap() -> None:
    """A low sine that closes round the loop is gone from the first sample on."""
    low = np.sin(2 * np.pi * 50 * np.arange(RATE) / RATE)
    filtered = melody.high_passed(low, RATE, circular=True)
    assert np.abs(filtered).max() < 0.05
    assert np.abs(filtered[:100]).max() < 0.05


def test_low_notes_need_the_filter_off() -> None:
    """MIDI 48 to 59 are judged apart, without the high-pass."""
    sound = tune([48, 52, 55, 50], partials=1)
    frames = melody.frame_count(len(sound), RATE)
    wanted, sounding = classes_of([48, 52, 55, 50], frames), np.ones(frames, bool)
    heard = melody.accuracy(sound, RATE, wanted, sounding, circular=True, filtered=False)
    assert heard is not None
    assert heard > 0.9
