"""What a loop hears of a file: MIDI files, Live sets and clips, drums and melodies, early and late notes."""

import random
from fractions import Fraction
from functools import cache
from pathlib import Path

import mido
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.grooves.rhythm import kind_of, onsets
from midi.live import note_clip
from midi.live.note_file import read_notes
from midi.live.set import read_set
from midi.live.testing import midi_clip_xml, set_xml, track_xml
from midi.melody import melody, pitched
from midi.notes import Note, settled, unroll
from midi.smf.read import Score, ScoreTrack, read_midi, write_midi
from midi.tempo import Meter, MeterChange

LOOP = Fraction(16)


def note(pitch: int, start: float, duration: float = 1, channel: int = 0, velocity: int = 100) -> Note:
    """Return a note."""
    return Note(pitch, Fraction(start), Fraction(duration), velocity, channel)


def midi(path: Path, *tracks: tuple[str, list[Note]], end: float = 0, meter: str | None = None, kind: int = 1) -> Path:
    """Write a MIDI file whose tracks end with their last notes, or at `end`."""
    parts = tuple(ScoreTrack(name, tuple(notes), Fraction(end)) for name, notes in tracks)
    meters = (MeterChange(Fraction(0), Meter.parse(meter)),) if meter else ()
    path.write_bytes(write_midi(Score(parts, meters=meters, type=kind)))
    return path


def groups(path: str) -> list[str]:
    """Return the drum groups of a file that is given as drums."""
    found = read_notes(path, LOOP)
    return [stroke.group for stroke in onsets(found.notes, kind_of(found.notes, kit=found.kit))]


# -- drums and melodies on any channel


@pytest.mark.parametrize("channel", [0, 3, 9, 15])
def test_drums_are_told_apart_on_any_channel(tmp_path: Path, channel: int) -> None:
    """Trial 4: kick, snare and hat of a clip off channel 10 keep apart where drums are asked for."""
    hits = [note(36, 0, 0.25, channel), note(42, 0.5, 0.25, channel), note(38, 1, 0.25, channel)]
    assert groups(str(midi(tmp_path / "a.mid", ("", hits), end=16))) == ["kick", "hat", "snare"]


def test_a_part_called_drums_is_a_kit_wherever_its_notes_lie(tmp_path: Path) -> None:
    """Trial 4's relative: the track's name tells, even where shakers and congas lie above the kit."""
    hits = [note(36, 0), note(70, 1), note(82, 2)]
    for name in ("Drums", "808 kit", "ドラム", "Perc"):
        assert groups(str(midi(tmp_path / "a.mid", (name, hits), end=16))) == ["kick", "perc", "perc"]
    assert groups(str(midi(tmp_path / "a.mid", ("Piano", hits), end=16))) == ["any"] * 3


def test_a_tune_as_a_rhythm_is_one_group(tmp_path: Path) -> None:
    """Trial 4's relative: what does not lie in a kit's range is strokes without groups, as before."""
    assert groups(str(midi(tmp_path / "a.mid", ("Lead", [note(60, 0), note(64, 1)]), end=16))) == ["any", "any"]


def tune(path: str) -> list[int]:
    """Return the pitches of a file's melody."""
    return [one.pitch for one in melody(pitched(read_notes(path, LOOP).notes).notes)]


def test_a_melody_on_channel_10_alone_is_read(tmp_path: Path) -> None:
    """Trial 5: a part whose colour or number makes it channel 10 is a melody, with one remark."""
    path = midi(tmp_path / "a.mid", ("Lead", [note(60 + step, step, 1, 9) for step in range(8)]))
    assert tune(str(path)) == list(range(60, 68)) * 2
    assert "channel 10" in pitched(read_notes(str(path), LOOP).notes).remarks[0]


def test_no_note_of_an_mpe_clip_is_lost(tmp_path: Path) -> None:
    """Trial 5: sixteen notes on sixteen channels of one track are sixteen notes of one part."""
    path = midi(tmp_path / "a.mid", ("MPE", [note(50 + step, step, 1, step) for step in range(16)]))
    assert tune(str(path)) == list(range(50, 66))
    assert any("one instrument" in remark for remark in read_notes(str(path), LOOP).remarks)


def test_a_bass_line_on_channel_10_is_a_melody_and_a_beat_is_not(tmp_path: Path) -> None:
    """Trial 5's relative: what runs on one by one is a line; kicks and hats together are only drums."""
    line = midi(tmp_path / "a.mid", ("Bass", [note(pitch, at, 1, 9) for at, pitch in enumerate((36, 41, 43, 46))]))
    assert tune(str(line)) == [36, 41, 43, 46] * 4
    beat = midi(tmp_path / "b.mid", ("Beat", [note(36, 0, 0.25, 9), note(42, 0, 0.25, 9), note(38, 1, 0.25, 9)]))
    with pytest.raises(MidiError, match="only drums"):
        tune(str(beat))


def test_an_mpe_zone_is_recognised_by_its_own_message() -> None:
    """Trial 5's relative: a file that lays out an MPE zone has no drums, whatever its channels."""
    track = mido.MidiTrack()
    for control, value in ((101, 0), (100, 6), (6, 15)):
        track.append(mido.Message("control_change", channel=0, control=control, value=value))
    for channel, pitch in ((1, 60), (9, 40)):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=90))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=480))
    import io

    buffer = io.BytesIO()
    mido.MidiFile(type=0, tracks=[track]).save(file=buffer)
    assert read_midi(buffer.getvalue()).tracks[0].one_instrument


def test_the_drums_of_a_general_midi_file_stay_drums(tmp_path: Path) -> None:
    """Trial 5's relative: where programs are chosen for other channels, channel 10 is no melody, and that is said."""
    path = midi(tmp_path / "a.mid", ("Lead", [note(70, 0)]), ("Drums", [note(36, 0, 1, 9), note(42, 1, 1, 9)]))
    assert tune(str(path)) == [70] * 4
    assert "2 notes on channel 10" not in "".join(read_notes(str(path), LOOP).remarks)
    assert any("channel 10" in remark for remark in pitched(read_notes(str(path), LOOP).notes).remarks)


@settings(max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 127), st.integers(0, 60), st.integers(0, 15)), min_size=1, max_size=20))
def test_no_pitched_note_is_lost_by_its_channel(drawn: list[tuple[int, int, int]]) -> None:
    """Trial 5's kind: of any notes on any channels the melody part has all but drums, and says how many those are."""
    notes = [note(pitch, start / 4, 0.25, channel) for pitch, start, channel in drawn]
    found = pitched(notes)
    drums = [one for one in notes if one.channel == 9]
    if len(drums) in (0, len(notes)):
        assert len(found.notes) == len(notes)
    else:
        assert len(found.notes) == len(notes) - len(drums)
        assert f"{len(drums)} notes" in found.remarks[0]


# -- how long a clip is


@pytest.mark.parametrize(
    ("last", "end", "turns"),
    [
        (7.5, 0, 2), (8, 0, 2), (8 + 1 / 480, 0, 2), (7.5, 8, 2), (7.01, 7.5, 2), (3.25, 0, 4), (4.0625, 0, 4),
        (15.5, 0, 1), (16, 0, 1), (2, 0, 4), (1, 2, 8),
    ],
)  # fmt: skip
def test_a_clip_that_ends_with_its_last_note_is_whole_bars_long(
    tmp_path: Path, last: float, end: float, turns: int
) -> None:
    """Trial 6: a clip that stops before the bar line, or just after it, goes round by whole bars, and that is said."""
    duration = Fraction(last).limit_denominator(480)
    notes = [note(60, 0, 0.5), Note(62, duration - Fraction(1, 2), Fraction(1, 2))]
    found = read_notes(str(midi(tmp_path / "a.mid", ("Lead", notes), end=end)), LOOP)
    starts = [one.start for one in found.notes if one.pitch == 60]
    assert starts == [turn * LOOP / turns for turn in range(turns)]
    assert any(f"is played {turns} times" in remark for remark in found.remarks) == (turns > 1)
    assert all(one.end <= LOOP for one in found.notes)


@pytest.mark.parametrize(
    ("meter", "loop", "last", "turns"), [("3/4", 12, 5.5, 2), ("7/8", 14, 6.5, 2), ("6/8", 12, 2.5, 4)]
)
def test_a_bar_is_the_files_own(tmp_path: Path, meter: str, loop: int, last: float, turns: int) -> None:
    """Trial 6's relative: in other metres the bar line is where the file's signature puts it."""
    path = midi(tmp_path / "a.mid", ("", [note(60, 0, 0.5), note(62, last - 0.5, 0.5)]), meter=meter)
    found = read_notes(str(path), Fraction(loop))
    assert len(found.notes) == 2 * turns
    assert f"played {turns} times" in found.remarks[-1]


def test_a_last_note_that_rings_over_the_bar_line_does_not_lengthen_the_clip(tmp_path: Path) -> None:
    """Trial 6's relative: of eight beats and twelve the length is meant that fits into the loop."""
    found = read_notes(str(midi(tmp_path / "a.mid", ("", [note(60, 0), note(62, 7.5)]))), LOOP)
    assert [(one.start, one.end) for one in found.notes][-1] == (Fraction(31, 2), LOOP)


def test_a_file_that_tells_no_signature_has_the_loops(tmp_path: Path) -> None:
    """Trial 6's relative: five beats in a loop of 3/4 are two bars of it."""
    path = midi(tmp_path / "a.mid", ("", [note(60, 0), note(62, 4)]))
    assert len(read_notes(str(path), Fraction(12), Meter(3, 4)).notes) == 4


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    """Trial 6's kind: a clip of three bars in four, and one of eight, are read with one remark about the rest."""
    three = read_notes(str(midi(tmp_path / "a.mid", ("", [note(60, 0), note(62, 11)]))), LOOP)
    assert (len(three.notes), "played once" in three.remarks[-1]) == (2, True)
    eight = read_notes(str(midi(tmp_path / "b.mid", ("", [note(60, 0), note(62, 31)]))), LOOP)
    assert (len(eight.notes), "1 notes are left out" in eight.remarks[-1]) == (1, True)


def test_a_track_of_tempi_does_not_make_the_clip_longer(tmp_path: Path) -> None:
    """Trial 6's relative: a tempo track as long as the project leaves a clip of two bars two bars long."""
    parts = (ScoreTrack("", (), Fraction(800)), ScoreTrack("Lead", (note(60, 0), note(62, 6.5))))
    (tmp_path / "a.mid").write_bytes(write_midi(Score(parts)))
    assert len(read_notes(str(tmp_path / "a.mid"), LOOP).notes) == 4


def test_a_long_rest_at_the_end_is_said(tmp_path: Path) -> None:
    """Trial 6's relative: where the end mark lies far behind the notes, the silence of the loop is no secret."""
    found = read_notes(str(midi(tmp_path / "a.mid", ("", [note(60, 0), note(62, 6)]), end=100)), LOOP)
    assert len(found.notes) == 2
    assert "without notes after beat 7" in found.remarks[-1]


def test_the_first_of_several_patterns_is_read(tmp_path: Path) -> None:
    """Item 2, format 2: patterns are pieces of their own; the first is read, the others are named."""
    path = midi(tmp_path / "a.mid", ("A", [note(60, 0)]), ("B", [note(72, 0)]), kind=2)
    first = read_notes(str(path), LOOP)
    assert {one.pitch for one in first.notes} == {60}
    assert "2 patterns" in first.remarks[0]
    assert {one.pitch for one in read_notes(f"{path}#B", LOOP).notes} == {72}


def test_all_tracks_of_a_name_are_read(tmp_path: Path) -> None:
    """Item 2: two staves called Piano are one piano, and that is said."""
    path = midi(tmp_path / "a.mid", ("Piano", [note(72, 0)]), ("Piano", [note(40, 0)]), ("Bass", [note(30, 0)]))
    found = read_notes(f"{path}#piano", LOOP)
    assert {one.pitch for one in found.notes} == {40, 72}
    assert "2 tracks are called 'Piano'" in found.remarks[0]


# -- early and late notes


@pytest.mark.parametrize(
    ("start", "heard"), [(-0.02, 0), (3.98, 0), (3.95, 0), (3.75, 3.75), (3.9375, 3.9375), (-0.25, None)]
)
def test_a_note_just_before_the_downbeat_is_the_downbeat(start: float, heard: float | None) -> None:
    """Trial 19: a note just before the loop, and one just before its end, are struck at the downbeat at full length."""
    played = unroll(
        [note(60, start, 0.5)], start=Fraction(0), loop_start=Fraction(0), loop_end=Fraction(4), length=LOOP
    )
    if heard is None:
        assert played == ()
        return
    assert [float(one.start) for one in played] == [turn * 4 + heard for turn in range(4)]
    assert all(one.duration == min(Fraction(1, 2), 4 - Fraction(heard)) for one in played)


def test_a_late_note_of_a_file_wraps_too(tmp_path: Path) -> None:
    """Trial 19's relative: in a MIDI file whose clip goes round, 3.98 of 4 is the next downbeat."""
    found = read_notes(
        str(midi(tmp_path / "a.mid", ("", [note(60, 1), Note(62, Fraction(398, 100), Fraction(1))]), end=4)), LOOP
    )
    assert sorted({float(one.start % 4) for one in found.notes}) == [0, 1]
    assert len(found.notes) == 8


@settings(max_examples=500)
@given(
    st.lists(st.tuples(st.integers(-64, 9 * 64), st.integers(1, 256)), max_size=12),
    st.integers(1, 8),
)
def test_settling_moves_only_what_is_nearly_the_downbeat(drawn: list[tuple[int, int]], beats: int) -> None:
    """Trial 19's kind: every note of the loop stays where it is or becomes its downbeat; none is made up or lost."""
    notes = [Note(60, Fraction(start, 64), Fraction(duration, 64)) for start, duration in drawn]
    found = settled(notes, Fraction(0), Fraction(beats))
    inside = [one for one in notes if 0 <= one.start < beats]
    early = [one for one in notes if -Fraction(1, 8) < one.start < 0]
    assert len(found) == len(inside) + len(early)
    assert all(0 <= one.start < beats for one in found)
    assert {one.start for one in found} <= {one.start for one in inside} | {Fraction(0)}


# -- notes from Live


LEAD = midi_clip_xml([(60, 0.0, 1.0, 100), (64, 1.0, 1.0, 90)], name="Verse")
BASS = midi_clip_xml([(36, 0.0, 1.0, 100)], name="Low")


def live(path: Path, tracks: str) -> Path:
    """Write a set."""
    path.write_bytes(set_xml(tracks))
    return path


def test_a_melody_comes_from_a_live_set(tmp_path: Path) -> None:
    """Trial 22: `Song.als#Lead` is the clip on that track, repeated as Live plays it."""
    path = live(tmp_path / "Song.als", track_xml("Lead", session=LEAD) + track_xml("Bass", session=BASS))
    assert tune(f"{path}#Lead") == [60, 64] * 4
    assert tune(f"{path}#bass") == [36] * 4
    assert tune(f"{path}#Lead/Verse") == [60, 64] * 4
    assert tune(f"{path}#2") == [36] * 4


@pytest.mark.parametrize("wrong", ["", "#Nobody", "#Lead/Chorus", "#9", '#"Lead'])
def test_what_a_set_does_not_have_is_answered_with_what_it_has(tmp_path: Path, wrong: str) -> None:
    """Trial 22's relative: without a name, or with a wrong one, the tracks or the clips are listed."""
    path = live(tmp_path / "Song.als", track_xml("Lead", session=LEAD) + track_xml("Bass", session=BASS))
    with pytest.raises(MidiError, match="Verse" if "Chorus" in wrong else "1 'Lead', 2 'Bass'"):
        read_notes(f"{path}{wrong}", LOOP)


def test_a_clip_of_the_library_is_read(tmp_path: Path) -> None:
    """Trial 23: an `.alc` has one track with a clip, and often no main track; its notes are read without a name."""
    whole = set_xml(track_xml("Lead", session=LEAD))
    start, end = whole.index(b"<MainTrack>"), whole.index(b"</MainTrack>") + len(b"</MainTrack>")
    path = tmp_path / "Verse.alc"
    path.write_bytes(whole[:start] + whole[end:])
    assert tune(str(path)) == [60, 64] * 4
    assert read_set(path).tempo_bpm == 120


def test_a_clip_that_lies_in_no_track_is_read(tmp_path: Path) -> None:
    """Trial 23's relative: a clip file may hold the bare clip."""
    path = tmp_path / "Verse.alc"
    path.write_bytes(b'<?xml version="1.0"?><Ableton Creator="Ableton Live 12.1">' + LEAD.encode() + b"</Ableton>")
    assert tune(str(path)) == [60, 64] * 4


def test_the_arrangement_is_read_from_a_beat_on(tmp_path: Path) -> None:
    """Trial 22's relative: `@8` takes the arrangement from beat 8 on, as lanes do."""
    clips = midi_clip_xml([(60, 0.0, 1.0, 100)], time=0.0, length=8.0, loop=(0.0, 8.0), name="A")
    clips += midi_clip_xml([(72, 0.0, 1.0, 100)], time=8.0, length=8.0, loop=(0.0, 8.0), name="B")
    path = live(tmp_path / "Song.als", track_xml("Lead", arrangement=clips, session=BASS))
    assert tune(f"{path}#Lead") == [60, 72]
    assert tune(f"{path}#Lead@8") == [72]
    assert tune(f"{path}#Lead/Low") == [36] * 4


def test_an_early_note_of_the_arrangement_is_the_downbeat(tmp_path: Path) -> None:
    """Trial 19's relative: from beat 8 on, a note at 7.98 is the first one."""
    clip = midi_clip_xml([(60, 7.98, 1.0, 100), (64, 12.0, 1.0, 90)], length=16.0, loop=(0.0, 16.0))
    path = live(tmp_path / "Song.als", track_xml("Lead", arrangement=clip))
    assert [(n.pitch, float(n.start)) for n in read_notes(f"{path}#Lead@8", Fraction(8)).notes] == [(60, 0), (64, 4)]


def test_a_rack_of_drums_is_a_kit(tmp_path: Path) -> None:
    """Item 3: drums of a Live set are told apart by the track's Drum Rack or by their pitches."""
    beat = midi_clip_xml([(36, 0.0, 0.25, 100), (70, 1.0, 0.25, 90), (38, 2.0, 0.25, 90)])
    rack = '<DrumGroupDevice Id="1"><UserName Value="Kit" /></DrumGroupDevice>'
    path = live(tmp_path / "Song.als", track_xml("Beat", session=beat, devices=rack))
    assert groups(f"{path}#Beat")[:3] == ["kick", "perc", "snare"]


def test_muted_unlikely_and_silent_notes_are_not_heard(tmp_path: Path) -> None:
    """Trial 11's kind: a note that is off, of velocity 0, or less likely than not, is no part of the melody."""
    clip = midi_clip_xml([(60, 0.0, 1.0, 100), (61, 1.0, 1.0, 100), (62, 2.0, 1.0, 0), (63, 3.0, 1.0, 100)])
    clip = clip.replace('Time="1.0"', 'Probability="0.1" Time="1.0"')
    clip = clip.replace(
        'IsEnabled="true" NoteId="1" /></Notes><MidiKey Value="63"', 'IsEnabled="false" /></Notes><MidiKey Value="63"'
    )
    assert tune(f"{live(tmp_path / 'a.als', track_xml('Lead', session=clip))}#Lead") == [60] * 4


def _values(chance: random.Random) -> str:
    return chance.choice(["nan", "", "1e999", "-5", "999", "0", "0.5", "abc", "-63072000", "1e14", "true", "٣"])


def test_of_600_faulty_sets_each_is_notes_with_remarks_or_one_sentence(tmp_path: Path) -> None:
    """Item 5's kind: wrong numbers anywhere in clips and lanes cost those, and most sets give their notes."""
    import re

    chance, read = random.Random(39), 0
    whole = set_xml(track_xml("Lead", session=LEAD, arrangement=BASS) + track_xml("Bass", session=BASS)).decode()
    numbers = list(re.finditer(r'="[-0-9.]+"', whole))
    for _ in range(600):
        text = whole
        for match in sorted(chance.sample(numbers, chance.randint(1, 4)), key=lambda found: -found.start()):
            text = f'{text[: match.start()]}="{_values(chance)}"{text[match.end() :]}'
        path = tmp_path / "a.als"
        path.write_text(text, encoding="utf-8")
        try:
            found = read_notes(f"{path}#Lead", LOOP)
        except MidiError as error:
            said = (error.sentence,)
        else:
            read += 1
            said = found.remarks
        assert all(one.endswith(".") and one.isprintable() for one in said), said
    assert read > 450


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
@example("@")
@example("@4")
def test_any_name_of_a_track_finds_it(tmp_path: Path, name: str) -> None:
    """Item 5: whatever a track is called, it is read by its name as the set tells it."""
    shown = "".join(sign for sign in name if sign.isprintable())
    path = live(tmp_path / "a.als", track_xml(shown or "x", session=LEAD))
    assert tune(f"{path}#{read_set(path).tracks[0].name}") == [60, 64] * 4


def test_real_sets_give_their_notes_or_say_why_not(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every real set of Live 8 to 12: read without a remark, each track with notes is read by its name."""
    monkeypatch.setattr(note_clip, "read_set", cache(read_set))  # not once more for each track
    for path in sorted((shared / "fixtures").rglob("*.als")):
        if path.name == "junk.als":
            continue
        live_set = note_clip.read_set(path)
        assert live_set.remarks == (), path.name
        for track in live_set.tracks:
            if any(len(clip.note_data) for clip in track.clips if clip.place != "take"):
                assert read_notes(f"{path}#{track.name}", LOOP).notes
