"""A recording beside a loop: as long as the loop to the sample, and the same at each turn."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.requests.beside import fitting, named, read_beside
from bridge.requests.sounds import SoundPart
from engine.audio.wav import write_loop
from engine.errors import BadInputError
from engine.request import LoopRequest
from midi.tempo import Meter

RATE = 8_000


def recording(folder: Path, beats: Fraction, tempo_bpm: int = 120) -> SoundPart:
    """Return a recording of noise of so many beats, whose file tells its tempo."""
    count = max(1, round(beats * 60 / tempo_bpm * RATE))
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, (1, count)).astype(np.float32)
    path = folder / "loop.wav"
    write_loop(path, sound, RATE, tempo_bpm=Fraction(tempo_bpm), beats=beats, meter=Meter(4, 4), overwrite=True)
    return SoundPart(path)


def test_a_silent_recording_is_said(tmp_path: Path) -> None:
    """Layers that hear nothing of it would only be layers."""
    remarks = list[str]()
    write_loop(
        tmp_path / "still.wav", np.zeros((2, 2 * RATE), np.float32), RATE,
        tempo_bpm=Fraction(120), beats=Fraction(4), meter=Meter(4, 4),
    )  # fmt: skip
    read_beside(SoundPart(tmp_path / "still.wav"), LoopRequest(seed=0, bars=1), remarks.append)
    assert any("still.wav is silent" in one for one in remarks)


@given(st.fractions(1, 20, max_denominator=16), st.sampled_from([1, 2, 4]), st.sampled_from([Meter(4, 4), Meter(7, 8)]))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_as_long_as_the_loop_and_said(tmp_path: Path, beats: Fraction, bars: int, meter: Meter) -> None:
    """Whatever its length: cut, repeated or followed by silence, and whenever it is changed there is a sentence."""
    loop, remarks = LoopRequest(seed=0, bars=bars, meter=meter), list[str]()
    fitted = read_beside(recording(tmp_path, beats), loop, remarks.append)
    assert len(fitted.samples) == 4 * fitted.channels * round(loop.seconds * RATE)
    assert fitted.sample_rate == RATE
    changed = abs(beats - loop.beats) > Fraction(1, 8)
    assert bool(remarks) or not changed


@given(st.integers(1, 8))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whole_beats_that_fill_the_loop_are_the_same_at_each_turn(tmp_path: Path, beats: int) -> None:
    """One that does not fill it is heard once, and then there is nothing."""
    loop = LoopRequest(seed=0, bars=2)
    fitted = read_beside(recording(tmp_path, Fraction(beats)), loop, lambda _: None)
    turns = np.frombuffer(fitted.samples, "<f4").reshape(8, -1)  # a row for each beat
    for beat in range(8):
        if 8 % beats == 0:
            assert np.array_equal(turns[beat], turns[beat % beats])
        elif beat >= beats:
            assert not turns[beat].any()


def test_the_file_gives_tempo_and_bars_where_nobody_else_does(tmp_path: Path) -> None:
    """Both are said; a tempo that is given counts, and the sentence says that it is another one."""
    sound, remarks = recording(tmp_path, Fraction(8), 90), list[str]()
    assert fitting(sound, {}, remarks.append) == {"tempo_bpm": 90, "bars": 2}
    assert len(remarks) == 2
    assert fitting(sound, {"tempo_bpm": Fraction(120), "bars": 4}, remarks.append) == {}
    assert "made at 120 BPM" in remarks[-1]


def test_less_than_a_beat_is_refused(tmp_path: Path) -> None:
    """The error names the file and the tempo."""
    with pytest.raises(BadInputError, match=r"loop\.wav is shorter than a beat at 120 BPM"):
        read_beside(recording(tmp_path, Fraction(1, 2)), LoopRequest(seed=0), lambda _: None)


def test_none_leaves_the_recording_out_unless_it_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The word takes the place of a file that is not there."""
    monkeypatch.chdir(tmp_path)
    assert named("none") is None
    (tmp_path / "none").write_bytes(b"")
    assert named("none") == SoundPart(Path("none"))
