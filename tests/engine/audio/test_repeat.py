"""A recording that comes again: whole turns of it, from each beat on which one begins, until the loop ends."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.audio.repeat import turn_beats, turned


@pytest.mark.parametrize(
    ("beats", "loop_beats", "turn"),
    [(4, 8, 4), (8, 12, 8), (5, 16, 5), (3.05, 3.5, 3), (7.95, 12, 8), (2.5, 8, 0), (8, 8, 0), (9, 8, 0), (0.5, 4, 0)],
)
def test_a_shorter_recording_of_whole_beats_comes_again(beats: float, loop_beats: float, turn: int) -> None:
    """Whether or not its turns fill the loop; one as long as the loop, or of other beats, is heard once."""
    assert turn_beats(Fraction(beats), Fraction(loop_beats)) == turn


@given(st.integers(1, 400_000), st.fractions(Fraction(1, 2), 64, max_denominator=16), st.integers(1, 64))
def test_each_turn_begins_at_its_beat(samples: int, loop_beats: Fraction, turn: int) -> None:
    """Sample by sample from the recording's first one, whatever the loop's length; nothing is left without a sample."""
    heard = turned(samples, loop_beats, turn)
    assert len(heard) == samples
    for start in range(0, int(loop_beats) + 1, turn):
        first = round(start * samples / loop_beats)
        if first < samples and (start == 0 or samples >= loop_beats):
            assert heard[first] == 0
    steps = heard[1:] - heard[:-1]
    assert ((steps == 1) | (heard[1:] == 0)).all()
