"""Live sets in the shapes of Live 9 to 12.4: take lanes, linked tracks, nested racks, macros, tempo lanes, names."""

import gzip
from fractions import Fraction
from pathlib import Path

import pytest

from midi.errors import MidiError
from midi.live.note_file import read_notes
from midi.live.set import find_lane, lane_curve, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, midi_clip_xml, parameter_xml, set_xml, track_xml

CREATORS = (
    "Ableton Live 9.0.1", "Ableton Live 9.7.7", "Ableton Live 10.1.43", "Ableton Live 11.3.25", "Ableton Live 12.0.15",
    "Ableton Live 12.2.5", "Ableton Live 12.3.6", "Ableton Live 12.4.5b10",
)  # fmt: skip


def saved(folder: Path, data: bytes) -> Path:
    """Return a packed set."""
    path = folder / "song.als"
    path.write_bytes(gzip.compress(data))
    return path


def clip(pitch: int, name: str, time: float = 0.0) -> str:
    """Return a clip with one note."""
    return midi_clip_xml([(pitch, 0.0, 1.0, 100)], name=name, time=time)


@pytest.mark.parametrize("creator", CREATORS)
def test_sets_of_every_live_are_read(tmp_path: Path, creator: str) -> None:
    """Item 5: Live 9 to 11 call their last track MasterTrack, Live 12 MainTrack; both give tempo, notes and lanes."""
    main = "MainTrack" if " 12." in creator else "MasterTrack"
    data = set_xml(track_xml("Lead", session=clip(60, "A")), main=main, tempo_bpm=133.37)
    live_set = read_set(saved(tmp_path, data.replace(b"Ableton Live 12.0.15", creator.encode())))
    assert (live_set.creator, live_set.tempo_bpm, live_set.remarks) == (creator, Fraction(13337, 100), ())
    assert len(read_notes(f"{tmp_path / 'song.als'}#Lead", Fraction(4)).notes) == 1


def test_take_lanes_are_no_part_of_what_is_heard(tmp_path: Path) -> None:
    """Item 5: what was comped is the arrangement's own clip; clips of take lanes are listed and not played."""
    takes = f"<TakeLanes><TakeLanes><TakeLane Id='0'><ClipAutomation><Events>{clip(72, 'Take 1')}{clip(74, 'Take 2')}"
    takes += "</Events></ClipAutomation></TakeLane></TakeLanes></TakeLanes>"
    track = track_xml("Lead", arrangement=clip(60, "Comp")).replace("</MidiTrack>", takes + "</MidiTrack>")
    path = saved(tmp_path, set_xml(track))
    assert {c.place for c in read_set(path).tracks[0].clips} == {"arrangement", "take"}
    assert {note.pitch for note in read_notes(f"{path}#Lead", Fraction(4)).notes} == {60}


def test_linked_tracks_keep_their_own_clips(tmp_path: Path) -> None:
    """Item 5: tracks that are edited together share a number and nothing else."""
    linked = '<LinkedTrackGroupId Value="7" />'
    tracks = "".join(
        track_xml(name, arrangement=clip(pitch, name)).replace("<DeviceChain>", linked + "<DeviceChain>", 1)
        for name, pitch in (("Left", 60), ("Right", 64))
    )
    path = saved(tmp_path, set_xml(tracks))
    assert [note.pitch for note in read_notes(f"{path}#right", Fraction(4)).notes] == [64]


def _rack(inside: str, macro: int) -> str:
    return (
        '<InstrumentGroupDevice Id="0"><UserName Value="Stack" />'
        f"{parameter_xml('MacroControls.0', macro, '64', 0, 127)}"
        f'<Branches><InstrumentBranch Id="0"><DeviceChain><MidiToAudioDeviceChain><Devices>{inside}</Devices>'
        "</MidiToAudioDeviceChain></DeviceChain></InstrumentBranch></Branches></InstrumentGroupDevice>"
    )


def test_macros_of_nested_racks_have_their_lanes(tmp_path: Path) -> None:
    """Item 5: six racks in each other: each macro's lane is told apart and read."""
    devices = ""
    for macro in range(505, 499, -1):
        devices = _rack(devices, macro)
    lanes = "".join(envelope_xml(500 + n, [(BEFORE_THE_SONG, 0.0), (0, n * 10.0), (4, 127.0)]) for n in range(6))
    live_set = read_set(saved(tmp_path, set_xml(track_xml("Lead", lanes=lanes, devices=devices))))
    macros = [lane for lane in live_set.lanes if "Macro" in lane.parameter]
    assert len(macros) == 6
    assert len({lane.path for lane in macros}) == 6
    for number, lane in enumerate(macros):
        assert lane.range == (0, 127)
        assert lane_curve(find_lane(live_set, lane.path), Fraction(0), Fraction(4)).points[0].value == number * 10


def test_one_bad_event_of_the_songs_tempo_costs_that_event(tmp_path: Path) -> None:
    """Item 5: tempo and signature automation with an event that is none keeps its other events."""
    data = set_xml(track_xml("Lead"), tempo_events=[(0, 120.0), (16, 90.0), (32, 150.0)], meter_events=[(0, 201)])
    data = data.replace(b'Time="16" Value="90.0"', b'Time="16" Value="nan"')
    live_set = read_set(saved(tmp_path, data))
    assert len(live_set.remarks) == 1
    assert find_lane(live_set, "Main/Mixer/Tempo").values.tolist()[-2:] == [120, 150]


def test_a_song_without_a_tempo_that_can_be_read_is_a_sentence(tmp_path: Path) -> None:
    """Item 5: Live 8 keeps the tempo in its lane; where that has no event that is one, the sentence names the tempo."""
    data = set_xml(track_xml("Lead"), main="MasterTrack").decode()
    inner = '<ArrangerAutomation><Events><FloatEvent Id="0" Time="0" Value="nan" /></Events></ArrangerAutomation>'
    data = data.replace('<Tempo><Manual Value="120.0" />', f"<Tempo>{inner}")
    with pytest.raises(MidiError, match="Tempo of its main track has no value"):
        read_set(saved(tmp_path, data.encode()))


@pytest.mark.parametrize(
    "name", ["Mélodie", "メロディ", "İstanbul", "Straße", "🥁 Beat", "AC/DC", "#1 Lead", "Lead @16", 'say "hi"', "12"]
)
def test_tracks_of_any_name_are_found(tmp_path: Path, name: str) -> None:
    """Item 5: a name with any letters or signs finds its track, its clip and its lane, composed or not."""
    import unicodedata

    lanes = envelope_xml(100, [(BEFORE_THE_SONG, 1.0), (0, 0.5)])
    path = saved(tmp_path, set_xml(track_xml(name, session=clip(60, name), lanes=lanes)))
    live_set = read_set(path)
    for form in ("NFC", "NFD"):
        written = unicodedata.normalize(form, name)
        assert len(read_notes(f"{path}#{written}", Fraction(4)).notes) == 1
        lane = next(lane for lane in live_set.lanes if lane.track != "Main")
        assert find_lane(live_set, unicodedata.normalize(form, lane.path)) is lane


def test_a_clips_lane_is_read_from_a_clip_file(tmp_path: Path) -> None:
    """Trial 23: an `.alc` is the source of a lane as a set is."""
    from bridge.requests.targets import curve

    lanes = envelope_xml(100, [(BEFORE_THE_SONG, 1.0), (0, 1.0), (4, 0.5)])
    path = tmp_path / "Verse.alc"
    path.write_bytes(gzip.compress(set_xml(track_xml("Lead", lanes=lanes))))
    assert len(curve(f"{path}#Lead/Mixer/Volume", Fraction(4)).points) > 2
