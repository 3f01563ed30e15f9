"""Control inputs: what trained inputs are shown of a request, frame by frame."""

from fractions import Fraction

import numpy as np
import pytest
from asking import Asking

from engine.pocket.controls import INTENSITY_CENTRE_DB, INTENSITY_SPREAD_DB, asked_inputs, channels, pulses
from engine.request import Control, Onsets
from midi.grooves.rhythm import Onset

FRAMES = 16


def test_what_nobody_asks_for_stays_free() -> None:
    """All channels and flags of an empty request are zero."""
    assert not channels(FRAMES).any()


def test_each_target_has_its_channels_and_flag(ask: Asking) -> None:
    """A level is scaled, a tune is one pitch class a frame, hits are where they are; others stay free."""
    level = asked_inputs(ask.request(ask.intensity(-30.0, -22.0)), FRAMES)
    assert level[:, 1].all()
    assert level[FRAMES // 2, 0] == pytest.approx((-22 - INTENSITY_CENTRE_DB) / INTENSITY_SPREAD_DB, abs=0.1)
    assert not level[:, 2:].any()
    tune = asked_inputs(ask.request(ask.melody(60, 62)), FRAMES)
    assert tune[:, 14].all()
    assert list(tune[:, 2:14].argmax(1)) == [0] * 8 + [2] * 8
    hits = Control(kind="rhythm", target=Onsets(onsets=(Onset(Fraction(2), 0.5),)))
    shown = asked_inputs(ask.request(hits), FRAMES)
    assert np.flatnonzero(shown[:, 15]).tolist() == [4]
    assert shown[:, 16].all()


def test_of_two_hits_in_a_frame_the_stronger_counts() -> None:
    """And one at the loop's end comes round to its beginning."""
    assert pulses([[0.0, 0.2], [0.1, 0.9], [8.0, 0.4]], 8.0, 4).tolist() == [0.9, 0, 0, 0]
