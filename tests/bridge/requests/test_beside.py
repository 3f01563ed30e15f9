"""A recording beside a loop: as long as the loop to the sample, and the same at each turn."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
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


@given(st.integers(1, 12), st.integers(1, 4))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whole_beats_are_the_same_at_each_turn(tmp_path: Path, beats: int, bars: int) -> None:
    """A shorter recording of whole beats comes again until the loop ends, and its last turn may be cut."""
    loop = LoopRequest(seed=0, bars=bars)
    fitted = read_beside(recording(tmp_path, Fraction(beats)), loop, lambda _: None)
    turns = np.frombuffer(fitted.samples, "<f4").reshape(4 * bars, -1)  # a row for each beat
    for beat, row in enumerate(turns):
        assert row.any()
        assert np.array_equal(row, turns[beat % beats])


@pytest.mark.parametrize(
    ("beats", "bars", "words"),
    [
        (4, 2, "loop.wav lasts 4 beats and is heard 2 times."),
        (8, 3, "loop.wav lasts 8 beats and is repeated; its last turn is cut after 4 beats."),
        (5, 4, "loop.wav lasts 5 beats and is repeated; its last turn is cut after 1 beat."),
        (2.5, 1, "loop.wav lasts 2.5 beats; the loop's last 1.5 beats have silence beside them."),
        (6, 1, "loop.wav is longer than the loop; its first 4 beats are heard."),
    ],
)
def test_what_becomes_of_a_recording_of_another_length_is_said(
    beats: float, bars: int, words: str, tmp_path: Path
) -> None:
    """One sentence says how often it is heard, where it is cut, and beside how much of the loop there is silence."""
    remarks = list[str]()
    read_beside(recording(tmp_path, Fraction(beats)), LoopRequest(seed=0, bars=bars), remarks.append)
    assert remarks == [words]


def test_the_file_gives_tempo_and_bars_where_nobody_else_does(tmp_path: Path) -> None:
    """Both are said; a tempo that is given counts, and the sentence says that it is another one."""
    sound, remarks = recording(tmp_path, Fraction(8), 90), list[str]()
    assert fitting(sound, {}, remarks.append) == {"tempo_bpm": 90, "bars": 2}
    assert len(remarks) == 2
    assert fitting(sound, {"tempo_bpm": Fraction(120), "bars": 4}, remarks.append) == {}
    assert "made at 120 BPM" in remarks[-1]


def foreign(folder: Path, name: str, seconds: float) -> SoundPart:
    """Return a recording of so many seconds whose file tells no tempo."""
    soundfile.write(folder / name, np.full(round(seconds * RATE), 0.25), RATE)
    return SoundPart(folder / name)


@pytest.mark.parametrize(
    ("name", "tempo_bpm"),
    [
        ("dirt_150bpm_TeaBoi.wav", 150),
        ("Dirt 93 BPM.wav", 93),
        ("dirt-174_bpm.wav", 174),
        ("dirt 87.5bpm.wav", Fraction("87.5")),
        ("7 bpm 150bpm.wav", 150),
    ],
)
def test_the_name_tells_the_tempo_where_the_file_does_not(name: str, tempo_bpm: Fraction | int, tmp_path: Path) -> None:
    """20 to 999 before "bpm", as sample packs are named; a tempo that is given, or that is in the file, wins."""
    remarks = list[str]()
    sound = foreign(tmp_path, name, float(60 * 16 / tempo_bpm))
    assert fitting(sound, {}, remarks.append) == {"tempo_bpm": tempo_bpm}
    assert remarks == [f"The name of {name} says {float(tempo_bpm):g} BPM, and so the loop is made."]
    assert "tempo_bpm" not in fitting(sound, {"tempo_bpm": Fraction(120)}, remarks.append)
    assert "The name of" in remarks[1]
    assert "made at 120 BPM" in remarks[1]
    own = recording(tmp_path, Fraction(8), 90).path.rename(tmp_path / name)
    assert fitting(SoundPart(own), {}, remarks.append)["tempo_bpm"] == 90


@pytest.mark.parametrize(
    ("seconds", "meter", "tempo_bpm", "bars"),
    [(6.4, Meter(4, 4), 112.5, 3), (7.5, Meter(4, 4), 128, 4), (2.4, Meter(3, 4), 150, 2), (2.0, Meter(4, 4), 120, 1)],
)
def test_a_file_without_a_tempo_is_heard_in_whole_bars(
    seconds: float, meter: Meter, tempo_bpm: float, bars: int, tmp_path: Path
) -> None:
    """At the tempo nearest to 120 BPM at which it has them; the sentence tells both."""
    remarks = list[str]()
    found = fitting(foreign(tmp_path, "loop.wav", seconds), {"time_signature": meter}, remarks.append)
    assert (found["tempo_bpm"], found.get("bars", 4)) == (Fraction(tempo_bpm), bars)
    counted = f"{bars} bar{'s' * (bars != 1)} of {meter}"
    assert f"does not tell its tempo; it is heard at {tempo_bpm:g} BPM, at which it lasts {counted}." in remarks[0]


@pytest.mark.parametrize("seconds", [0.3, 90])
def test_a_single_sound_and_a_whole_song_are_heard_at_120(seconds: float, tmp_path: Path) -> None:
    """No tempo makes a loop of whole bars of them."""
    remarks = list[str]()
    assert "tempo_bpm" not in fitting(foreign(tmp_path, "120bpmish.wav", seconds), {}, remarks.append)
    assert remarks[0] == "120bpmish.wav does not tell its tempo; it is heard at 120 BPM."


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
