"""From what a producer points at to a target that the request carries."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests import targets
from bridge.requests.sounds import SoundPart
from engine.audio.wav import write_loop
from engine.errors import BadRequestError
from engine.request import Audio, BuiltinControl, Curve, LoopRequest, Notes, Number, Onsets, Words
from midi.errors import MidiError
from midi.notes import Note
from midi.smf.read import write_midi
from midi.smf.score import Score, ScoreTrack
from midi.tempo import Meter

BEATS = Fraction(16)


def clip(path: Path, *tracks: tuple[str, list[Note]], end: int = 16) -> Path:
    """Write a MIDI file whose tracks last `end` beats."""
    parts = tuple(ScoreTrack(name, tuple(notes), Fraction(end)) for name, notes in tracks)
    path.write_bytes(write_midi(Score(parts)))
    return path


def note(pitch: int, start: int, duration: int = 1, channel: int = 0) -> Note:
    """Return a note."""
    return Note(pitch, Fraction(start), Fraction(duration), channel=channel)


@given(st.lists(st.tuples(st.integers(0, 1600), st.integers(-6000, 0)), min_size=1, max_size=20))
def test_pairs_are_read_as_they_were_written(pairs: list[tuple[int, int]]) -> None:
    """Hundredths of a beat and of a dB survive, and the order stays."""
    ordered = sorted(pairs, key=lambda pair: pair[0])
    text = " ".join(f"{beat / 100}:{level / 100}" for beat, level in ordered)
    found = targets.curve(text, BEATS)
    assert [point.value for point in found.points] == [level / 100 for _, level in ordered]
    for point, (beat, _) in zip(found.points, ordered, strict=True):
        assert abs(point.beat - Fraction(beat, 100)) < Fraction(1, 20_000)


def test_a_bent_segment_becomes_short_straight_ones(tmp_path: Path) -> None:
    """A curve with handles is followed to within what is heard."""
    file = tmp_path / "curve.json"
    file.write_text('{"points": [{"beat": 0, "value": -40, "curve": [0.9, 0.1, 0.9, 0.1]}, {"beat": 16, "value": 0}]}')
    points = targets.curve(str(file), BEATS).points
    assert len(points) > 8
    values = [point.value for point in points]
    assert values == sorted(values)
    middle = np.interp(8, [float(point.beat) for point in points], values)
    assert middle < -28, "it starts slowly"


def test_one_track_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    """`FILE.mid#Lead` is the lead alone; without a name the highest voice of all is followed."""
    file = clip(tmp_path / "song.mid", ("Bass", [note(40, 0)]), ("Lead", [note(70, 4)]))
    lead, _ = targets.melody_notes(f"{file}#Lead", BEATS)
    assert [found.pitch for found in lead.notes] == [70]
    both, _ = targets.melody_notes(str(file), BEATS)
    assert [found.pitch for found in both.notes] == [40, 70]


def test_a_file_whose_own_name_holds_the_sign_is_found(tmp_path: Path) -> None:
    """`take #2.mid` is a file, not a track of `take`."""
    file = clip(tmp_path / "take #2.mid", ("Lead", [note(70, 0)]))
    assert len(targets.melody_notes(str(file), BEATS)[0].notes) == 1


def test_drums_are_a_rhythm_by_their_groups(tmp_path: Path) -> None:
    """Kick and snare of channel 10 keep apart."""
    file = clip(tmp_path / "drums.mid", ("Drums", [note(36, 0, channel=9), note(38, 4, channel=9)]))
    found, _ = targets.rhythm(str(file), LoopRequest())
    assert [(onset.beat, onset.group) for onset in found.onsets] == [(0, "kick"), (4, "snare")]


@pytest.mark.parametrize(("end", "turns"), [(4, 4), (8, 2), (16, 1), (12, 1), (32, 1)])
def test_a_clip_that_fits_several_times_is_repeated(end: int, turns: int, tmp_path: Path) -> None:
    """Clips of a half or a quarter of the loop go round; others are played once and then rest."""
    file = clip(tmp_path / "clip.mid", ("Lead", [note(70, 0)]), end=end)
    found, remarks = targets.melody_notes(str(file), BEATS)
    assert [one.start for one in found.notes] == [turn * end for turn in range(turns)]
    assert any(f"played {turns} times" in remark for remark in remarks) == (turns > 1)


def test_what_lies_after_the_loop_is_left_out_and_only_that_is_said(tmp_path: Path) -> None:
    """Eight bars of melody in a loop of four: the first four."""
    file = clip(tmp_path / "long.mid", ("Lead", [note(70, 0), note(72, 15, 4), note(74, 20)]), end=32)
    found, _ = targets.melody_notes(str(file), BEATS)
    assert [(one.pitch, one.end) for one in found.notes] == [(70, 1), (72, 16)]


def test_a_part_that_begins_later_is_read_from_its_first_bar(tmp_path: Path) -> None:
    """As a lead is that was exported out of a song; which bar that is, is said."""
    late = clip(tmp_path / "late.mid", ("Lead", [note(74, 22), note(76, 25)]), end=32)
    found, remarks = targets.melody_notes(str(late), BEATS)
    assert [(one.pitch, one.start) for one in found.notes] == [(74, 2), (76, 5)]
    assert "late.mid is read from bar 6 on, where its first note is." in remarks


def test_a_form_is_words_and_a_file_is_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AABA in any case; a file of that very name wins."""
    assert targets.structure("aaBa") == Words(text="AABA")
    soundfile.write(tmp_path / "song.wav", np.full((100, 1), 0.1), 8_000)
    found = targets.structure(str(tmp_path / "song.wav"))
    assert isinstance(found, Audio)
    (tmp_path / "AABA").write_bytes((tmp_path / "song.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert isinstance(targets.structure("AABA"), Audio)


def test_reference_audio_travels_interleaved(tmp_path: Path) -> None:
    """Left and right of one frame stand beside each other, as the wire has it."""
    stereo = np.array([[0.5, -0.5], [0.25, -0.25]], np.float32)
    soundfile.write(tmp_path / "a.wav", stereo, 8_000, subtype="FLOAT")
    found = targets.audio(SoundPart(tmp_path / "a.wav"))
    assert np.frombuffer(found.samples, "<f4").tolist() == [0.5, -0.5, 0.25, -0.25]


@pytest.mark.parametrize("text", ["8", "a:b", "8:8", "8:4", "-1:4", ":", "1:2:3", "nan:4", "0:1e999999999"])
def test_a_range_of_beats_is_two_numbers_that_rise(text: str) -> None:
    """Anything else is refused with the option's name or the number."""
    with pytest.raises((BadRequestError, MidiError)):
        targets.beat_range(text, "--only")


def test_a_range_may_be_in_fractions_of_a_beat() -> None:
    """Thirds stay thirds."""
    assert targets.beat_range("1/3:2.5", "--only") == (Fraction(1, 3), Fraction(5, 2))


@pytest.mark.parametrize(
    ("targets_taken", "text", "kind"),
    [
        ((Words,), "0.1", Words),
        ((Words,), "0:1 4:2", Words),
        ((Curve,), "0:1 4:2", Curve),
        ((Words, Curve), "0:1 4:2", Curve),
        ((Words, Curve), "dense", Words),
        ((Onsets,), "MIDI", Onsets),
        ((Onsets, Curve), "MIDI", Onsets),
        ((Onsets,), "WAV", Onsets),
        ((Onsets, Audio), "WAV", Audio),
        ((Notes,), "MIDI", Notes),
        (None, "0:1 4:2", Curve),
        (None, "dense", Words),
        (None, "MIDI", Notes),
        (None, "WAV", Audio),
    ],
)
def test_the_control_decides_how_its_target_is_read(
    targets_taken: tuple[type, ...] | None, text: str, kind: type, tmp_path: Path
) -> None:
    """A number for a control of words is words; where a control takes several types, the form decides."""
    if text == "MIDI":
        text = str(clip(tmp_path / "a.mid", ("Lead", [note(70, 0)])))
    elif text == "WAV":
        soundfile.write(tmp_path / "a.wav", np.eye(1, 32_000).T, 8_000)
        text = str(tmp_path / "a.wav")
    row = None if targets_taken is None else BuiltinControl("density", targets_taken)
    assert isinstance(targets.read_target(row, text, LoopRequest(), lambda _: None), kind)


@pytest.mark.parametrize(("bars", "turns"), [(2, 1), (4, 2), (8, 4)])
def test_a_recorded_loop_gives_its_groove(bars: int, turns: int, tmp_path: Path) -> None:
    """Two recorded bars are struck where they were, a lazy backbeat stays late, and they go round."""
    beats = [0.0, 1.06, 2.0, 3.06, 4.0, 5.06, 6.0, 7.06]
    audio = np.zeros(8 * 22_050)
    burst = np.random.default_rng(0).standard_normal(2_000) * np.exp(-np.arange(2_000) / 300)
    for beat in beats:
        start = round(beat * 22_050)
        audio[start : start + 2_000] += 0.3 * burst
    soundfile.write(tmp_path / "drums.wav", audio, 44_100)
    found, remarks = targets.rhythm(str(tmp_path / "drums.wav"), LoopRequest(bars=bars))
    wanted = [beat + 8 * turn for turn in range(turns) for beat in beats]
    struck = sorted(float(stroke.beat) % (4 * bars - 0.05) for stroke in found.onsets)
    assert struck == pytest.approx(wanted, abs=0.02)
    assert "8 beats long" in remarks[0]
    assert (f"played {turns} times" in remarks[0]) == (turns > 1)


def test_a_recorded_loop_lasts_what_its_file_says(tmp_path: Path) -> None:
    """A loop of another tempo, with the tempo in its file, is laid on the same beats; a silent one is refused."""
    samples = np.zeros((2, 4 * 44_100 * 60 // 90), np.float32)
    samples[:, :: 44_100 * 60 // 90] = 0.9
    write_loop(tmp_path / "slow.wav", samples, 44_100, tempo_bpm=Fraction(90), beats=Fraction(4), meter=Meter())
    found, remarks = targets.rhythm(str(tmp_path / "slow.wav"), LoopRequest(bars=1))
    assert sorted(round(float(stroke.beat)) % 4 for stroke in found.onsets) == [0, 1, 2, 3]
    assert "4 beats long" in remarks[0]
    soundfile.write(tmp_path / "silent.wav", np.zeros(44_100), 44_100)
    with pytest.raises(MidiError, match=r"silent\.wav: The recording is silent"):
        targets.rhythm(str(tmp_path / "silent.wav"), LoopRequest())


@pytest.mark.parametrize(
    ("text", "taken", "kind"),
    [
        ("0.05", None, Number), ("-3e2", (Number,), Number), ("0.05", (Words,), Words), ("808 kick", (Words,), Words),
        ("AABA", (Words, Audio), Words), ("0:1 4:2", None, Curve), ("4 on the floor", None, Words),
    ],
)  # fmt: skip
def test_a_number_is_read_where_the_control_takes_one(text: str, taken: tuple[type, ...] | None, kind: type) -> None:
    """Where the control is known; else the form of the text decides."""
    row = None if taken is None else BuiltinControl("air", taken)
    assert isinstance(targets.read_target(row, text, LoopRequest(), lambda _: None), kind)


def test_what_is_no_number_is_refused_with_the_controls_name() -> None:
    """In one sentence."""
    with pytest.raises(BadRequestError, match="The air control takes a number, not 'lots'"):
        targets.read_target(BuiltinControl("air", (Number,)), "lots", LoopRequest(), lambda _: None)
