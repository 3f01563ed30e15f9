"""From what a producer points at to a target that the request carries."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bridge.requests import targets
from engine.errors import BadRequestError
from engine.request import Audio, Words
from midi.errors import MidiError
from midi.notes import Note
from midi.smf.read import write_midi
from midi.smf.score import Score, ScoreTrack

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
    found, _ = targets.rhythm_onsets(str(file), BEATS)
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
    late = clip(tmp_path / "late.mid", ("Lead", [note(74, 20)]), end=32)
    with pytest.raises(MidiError, match=r"late\.mid: The first note is at beat 20; this loop has beats 0 to 16"):
        targets.melody_notes(str(late), BEATS)


def test_a_form_is_words_and_a_file_is_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AABA in any case; a file of that very name wins."""
    assert targets.structure("aaBa") == Words(text="AABA")
    soundfile.write(tmp_path / "song.wav", np.zeros((100, 1)), 8_000)
    found = targets.structure(str(tmp_path / "song.wav"))
    assert isinstance(found, Audio)
    (tmp_path / "AABA").write_bytes((tmp_path / "song.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert isinstance(targets.structure("AABA"), Audio)


def test_reference_audio_travels_interleaved(tmp_path: Path) -> None:
    """Left and right of one frame stand beside each other, as the wire has it."""
    stereo = np.array([[0.5, -0.5], [0.25, -0.25]], np.float32)
    soundfile.write(tmp_path / "a.wav", stereo, 8_000, subtype="FLOAT")
    found = targets.audio(tmp_path / "a.wav")
    assert np.frombuffer(found.samples, "<f4").tolist() == [0.5, -0.5, 0.25, -0.25]


@pytest.mark.parametrize("text", ["8", "a:b", "8:8", "8:4", "-1:4", ":", "1:2:3", "nan:4", "0:1e999999999"])
def test_a_range_of_beats_is_two_numbers_that_rise(text: str) -> None:
    """Anything else is refused with the option's name or the number."""
    with pytest.raises((BadRequestError, MidiError)):
        targets.beat_range(text, "--only")


def test_a_range_may_be_in_fractions_of_a_beat() -> None:
    """Thirds stay thirds."""
    assert targets.beat_range("1/3:2.5", "--only") == (Fraction(1, 3), Fraction(5, 2))
