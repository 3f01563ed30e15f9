"""Clips that are switched off in Live, with its key 0: what their track does not play is not heard."""

from fractions import Fraction
from pathlib import Path

from midi.live.note_file import read_notes
from midi.live.testing import midi_clip_xml, set_xml, track_xml


def live(folder: Path, track: str) -> Path:
    """Write a set with one track."""
    path = folder / "Song.als"
    path.write_bytes(set_xml(track))
    return path


def switched_off(clip: str) -> str:
    return clip.replace("<Name ", '<Disabled Value="true" /><Name ', 1)


def test_a_clip_that_is_switched_off_is_not_heard(tmp_path: Path) -> None:
    """As its track does not play it in Live; what is left out is said, and a clip that is named is read."""
    off = switched_off(midi_clip_xml([(60, 0, 1, 100)], name="off"))
    on = midi_clip_xml([(67, 0, 1, 100)], name="on", time=4)
    path = live(tmp_path, track_xml("Lead", arrangement=off + on))
    found = read_notes(f"{path}#Lead", Fraction(8))
    assert [(note.pitch, note.start) for note in found.notes] == [(67, 4)]
    assert any("switched off" in remark and "'off'" in remark for remark in found.remarks)
    assert [note.pitch for note in read_notes(f"{path}#Lead/off", Fraction(4)).notes] == [60]


def test_of_a_session_a_clip_that_is_switched_on_is_read(tmp_path: Path) -> None:
    """The only one is read, switched off or not, and this is said."""
    off = switched_off(midi_clip_xml([(60, 0, 1, 100)], name="off"))
    on = midi_clip_xml([(67, 0, 1, 100)], name="on")
    two = live(tmp_path, track_xml("Lead", session=off + on))
    assert [note.pitch for note in read_notes(f"{two}#Lead", Fraction(4)).notes] == [67]
    one = read_notes(str(live(tmp_path, track_xml("Lead", session=off))), Fraction(4))
    assert [note.pitch for note in one.notes] == [60]
    assert any("switched off" in remark for remark in one.remarks)
