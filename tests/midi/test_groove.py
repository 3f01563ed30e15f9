"""Timing and strength of a recorded loop."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.grooves.groove import groove_from_audio, groove_from_onsets
from midi.grooves.rhythm import Onset

RATE = 44_100


def clicks(beats: list[Fraction], loop_beats: int, gains: list[float]) -> np.ndarray:
    """Return a loop at 120 BPM with a decaying noise burst at each beat, [samples]."""
    generator = np.random.default_rng(0)
    audio = np.zeros(loop_beats * RATE // 2)
    length = RATE // 20
    for beat, gain in zip(beats, gains, strict=True):
        burst = generator.standard_normal(length) * np.exp(-np.arange(length) / (length / 6))
        at = (np.arange(length) + round(beat * RATE / 2)) % audio.size
        audio[at] += 0.3 * gain * burst
    return audio


@given(st.dictionaries(st.integers(0, 15), st.tuples(st.integers(-6, 6), st.integers(1, 20)), min_size=1))
def test_the_strokes_of_a_groove_are_the_performance(struck: dict[int, tuple[int, int]]) -> None:
    """Taken from strokes and played again, each is where it was and as strong beside the strongest."""
    strongest = max(strength for _, strength in struck.values())
    strokes = [
        Onset((Fraction(step, 4) + Fraction(late, 96)) % 4, strength / 20) for step, (late, strength) in struck.items()
    ]
    again = groove_from_onsets(strokes, Fraction(4)).onsets(Fraction(4))
    assert [float(stroke.beat) for stroke in again] == pytest.approx([float(s.beat) for s in sorted(strokes)], abs=1e-4)
    for stroke, before in zip(again, sorted(strokes), strict=True):
        assert stroke.strength == pytest.approx(before.strength * 20 / strongest)


def test_a_groove_of_two_bars_is_played_twice_in_four() -> None:
    """A shorter recording goes round, as Live would play it; a stroke before the one comes at the end."""
    groove = groove_from_onsets([Onset(Fraction(0), 1.0), Onset(Fraction(19, 5), 0.5)], Fraction(4))
    assert [float(s.beat) for s in groove.onsets(Fraction(8))] == pytest.approx([0, 3.8, 4, 7.8], abs=1e-4)
    early = groove_from_onsets([Onset(Fraction(399, 100), 1.0)], Fraction(4))
    assert [float(s.beat) for s in early.onsets(Fraction(4))] == pytest.approx([3.99], abs=1e-4)


def test_a_recorded_loop_tells_where_it_was_struck() -> None:
    """Strokes in a recording are placed within five milliseconds, also at the wrap."""
    beats = [
        Fraction(0),
        Fraction(55, 100),
        Fraction(1),
        Fraction(157, 100),
        Fraction(2),
        Fraction(253, 100),
        Fraction(3),
        Fraction(356, 100),
    ]
    groove = groove_from_audio(clicks(beats, 4, [1.0] * 8), RATE, Fraction(4), Fraction(1, 2))
    late = [float(beat - Fraction(i, 2)) for i, beat in enumerate(beats)]
    assert groove.offsets == pytest.approx(late, abs=0.01)  # beats at 120 BPM: 5 ms


def test_a_recorded_loop_tells_how_hard() -> None:
    """Strong and weak strokes are told apart."""
    beats = [Fraction(i, 2) for i in range(8)]
    groove = groove_from_audio(clicks(beats, 4, [1.0, 0.2] * 4), RATE, Fraction(4), Fraction(1, 2))
    assert min(groove.strengths[::2]) > max(groove.strengths[1::2])


def test_silence_and_scraps_are_refused() -> None:
    """With a sentence each."""
    for audio, says in (
        (np.zeros(RATE), "silent"),
        (np.ones(10), "too short"),
        (np.full(RATE, np.nan), "not numbers"),
    ):
        with pytest.raises(MidiError, match=says):
            groove_from_audio(audio, RATE, Fraction(4))


def test_a_grid_must_divide_the_loop() -> None:
    """Seven eighths are not whole quarters."""
    with pytest.raises(MidiError, match="whole steps"):
        groove_from_onsets([Onset(Fraction(0), 1.0)], Fraction(7, 2), Fraction(1))


def test_real_loops_have_a_groove(shared: Path) -> None:
    """A groove is found in recorded loops of the collection, within half a step."""
    for file in sorted((shared / "fixtures" / "loops-libre").glob("*150bpm*.flac"))[:2]:
        audio, rate = soundfile.read(file)
        beats = Fraction(round(len(audio) / rate * 150 / 60))
        groove = groove_from_audio(audio.T, rate, beats)
        assert len(groove.offsets) == beats * 4
        assert max(map(abs, groove.offsets)) <= 0.125
        assert max(groove.strengths) == 1
