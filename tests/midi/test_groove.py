"""Timing and accents, taken and given."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.groove import Groove, apply_groove, groove_from_audio, groove_from_notes
from midi.notes import Note
from midi.tempo import swing_beat

RATE = 44_100


def played(beats: list[Fraction], velocities: list[int] | None = None) -> list[Note]:
    return [
        Note(60, beat, Fraction(1, 8), velocity)
        for beat, velocity in zip(beats, velocities or [100] * len(beats), strict=True)
    ]


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


@given(
    st.lists(st.integers(-6, 6), min_size=16, max_size=16),
    st.lists(st.integers(40, 120), min_size=16, max_size=16),
)
def test_a_groove_given_to_straight_notes_is_the_performance(late: list[int], velocities: list[int]) -> None:
    """Taken from a clip and given to its quantised copy, timing and accents come back."""
    straight = [Fraction(i, 4) for i in range(16)]
    beats = [max(beat + Fraction(n, 96), Fraction(0)) for beat, n in zip(straight, late, strict=True)]
    groove = groove_from_notes(played(beats, velocities), Fraction(4))
    mean = round(sum(velocities) / 16)
    again = apply_groove(played(straight, [mean] * 16), groove)
    assert [float(n.start) for n in again] == pytest.approx([float(beat) for beat in beats], abs=1e-9)
    assert max(abs(n.velocity - v) for n, v in zip(again, velocities, strict=True)) <= 2


@given(st.integers(50, 75))
def test_swing_is_a_groove(swing_percent: int) -> None:
    """Every second sixteenth is late by what swing says, the others by nothing."""
    beats = [swing_beat(Fraction(i, 4), swing_percent) for i in range(16)]
    groove = groove_from_notes(played(beats), Fraction(4))
    late = float(swing_beat(Fraction(1, 4), swing_percent) - Fraction(1, 4))
    if late < 0.12:  # beyond half a step the stroke is nearer to the next
        assert groove.offsets == pytest.approx([0.0, late] * 8)


def test_amounts_scale_the_groove() -> None:
    """At 0 nothing changes, at a half half of it."""
    groove = Groove(Fraction(1, 4), (0.0, 0.1), (1.0, 0.5))
    note = played([Fraction(1, 4)])
    assert apply_groove(note, groove, timing=0, accent=0) == tuple(note)
    (half,) = apply_groove(note, groove, timing=0.5, accent=0.5)
    assert (float(half.start), half.velocity) == (pytest.approx(0.3), 75)


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
    assert min(groove.accents[::2]) > max(groove.accents[1::2])


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
        groove_from_notes(played([Fraction(0)]), Fraction(7, 2), Fraction(1))


def test_real_loops_have_a_groove(shared: Path) -> None:
    """A groove is found in recorded loops of the collection, within half a step and with some accents."""
    for file in sorted((shared / "fixtures" / "loops-libre").glob("*150bpm*.flac"))[:2]:
        audio, rate = soundfile.read(file)
        beats = Fraction(round(len(audio) / rate * 150 / 60))
        groove = groove_from_audio(audio.T, rate, beats)
        assert len(groove.offsets) == beats * 4
        assert max(map(abs, groove.offsets)) <= 0.125
        assert max(groove.accents) > 1
