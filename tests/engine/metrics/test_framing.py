"""Frames go round the loop, or into silence."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics.framing import frames_of


@given(samples=st.integers(1, 60), window=st.integers(1, 150), count=st.integers(1, 40), circular=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_frame_holds_the_samples_about_its_centre(samples: int, window: int, count: int, circular: bool) -> None:
    """Of any window, longer than the signal too: those round the loop, or zeros beyond the ends."""
    signal = np.random.default_rng(0).normal(size=samples)
    frames = frames_of(signal, window, count, circular=circular)
    assert frames.shape == (count, window)
    for number, frame in enumerate(frames):
        first = int(np.round(number * samples / count)) - window // 2
        for place, value in enumerate(frame, first):
            assert value == (signal[place % samples] if circular or 0 <= place < samples else 0)
