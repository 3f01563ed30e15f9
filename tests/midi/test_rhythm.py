"""Onsets and their strengths."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.grooves.rhythm import Onset, drum_group, onset_envelope, onsets
from midi.notes import Note


def hit(pitch: int, beat: float, velocity: int = 127, channel: int = 9) -> Note:
    return Note(pitch, Fraction(beat), Fraction(1, 4), velocity, channel)


@pytest.mark.parametrize(
    ("group", "pitches"),
    [
        ("kick", (35, 36)),
        ("snare", (38, 39)),
        ("hat", (42, 46)),
        ("tom", (45,)),
        ("cymbal", (49,)),
        ("perc", (0, 56)),
    ],
)
def test_drums_are_grouped_as_general_midi_has_them(group: str, pitches: tuple[int, ...]) -> None:
    """What is in no group is percussion."""
    assert {drum_group(pitch) for pitch in pitches} == {group}


def test_drums_become_onsets_by_group() -> None:
    """Strokes of one group at one beat are one onset, the strongest."""
    found = onsets([hit(36, 0), hit(35, 0, 64), hit(42, 0, 64), hit(38, 1)])
    assert found == (
        Onset(Fraction(0), 64 / 127, "hat"),
        Onset(Fraction(0), 1.0, "kick"),
        Onset(Fraction(1), 1.0, "snare"),
    )


def test_any_clip_has_a_rhythm() -> None:
    """Without a drum channel all notes are one group; asked for drums, its pitches are drums."""
    clip = [hit(36, 0, channel=0), hit(38, 1, channel=0)]
    assert [stroke.group for stroke in onsets(clip)] == ["any", "any"]
    assert [stroke.group for stroke in onsets(clip, "drums")] == ["kick", "snare"]


def test_the_drum_channel_wins_over_the_rest() -> None:
    """Where a file has drums its rhythm is theirs."""
    assert [stroke.group for stroke in onsets([hit(36, 0), hit(60, 0.5, channel=0)])] == ["kick"]


def test_silence_has_no_rhythm() -> None:
    """And that is said."""
    with pytest.raises(MidiError, match="no sounding notes"):
        onsets([])


strokes = st.lists(
    st.builds(Onset, st.fractions(min_value=-1, max_value=9, max_denominator=48), st.floats(0, 1)),
    max_size=12,
)


@given(strokes, st.integers(1, 1000), st.floats(0.3, 4))
def test_the_envelope_has_the_frames_asked_for(played: list[Onset], frames: int, width: float) -> None:
    """Within 0..1, one value a frame, and no higher than the strongest stroke."""
    envelope = onset_envelope(played, Fraction(8), frames, width_frames=width)
    assert envelope.shape == (frames,)
    assert envelope.min() >= 0
    assert envelope.max() <= max((s.strength for s in played if 0 <= s.beat < 8), default=0.0)


@given(st.integers(0, 15), st.integers(0, 15))
def test_the_envelope_is_a_circle(sixteenth: int, shift: int) -> None:
    """A stroke moved over the wrap gives the same envelope, rotated."""
    envelopes = [
        onset_envelope([Onset(Fraction(step % 16, 4), 1.0)], Fraction(4), 64) for step in (sixteenth, sixteenth + shift)
    ]
    np.testing.assert_allclose(np.roll(envelopes[0], 4 * shift), envelopes[1], atol=1e-12)
    assert int(envelopes[0].argmax()) == 4 * sixteenth
