"""Live sets made for the purpose: lanes, clips, names, tempo, in every shape that Live writes."""

import gzip
import os
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.curves.automation import Breakpoint, sample
from midi.errors import MidiError
from midi.live.note_file import read_notes
from midi.live.set import find_lane, lane_curve, played_curve, read_set
from midi.live.testing import (
    BEFORE_THE_SONG,
    envelope_xml,
    events_xml,
    loop_xml,
    max_device_xml,
    midi_clip_xml,
    parameter_xml,
    set_xml,
    track_xml,
)
from midi.tempo import Meter

DEVICE = max_device_xml("Ditto Live.amxd", "Intensity", 500, 0, 127)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


def saved(folder: Path, xml: bytes, *, packed: bool = True) -> Path:
    path = folder / "song.als"
    path.write_bytes(gzip.compress(xml) if packed else xml)
    return path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("main", ["MainTrack", "MasterTrack"])
def test_a_max_for_live_lane_is_found_by_its_long_name(folder: Path, main: str, packed: bool) -> None:
    """Track, device and parameter name it; range and breakpoints are the device's own."""
    lane_events = [(BEFORE_THE_SONG, 10.0), (0, 10.0), (8, 120.0), (8, 0.0), (16, 60.0)]
    track = track_xml("Lead", lanes=envelope_xml(500, lane_events), devices=DEVICE)
    live_set = read_set(saved(folder, set_xml(track, main=main), packed=packed))
    lane = find_lane(live_set, "lead/ditto live/INTENSITY")
    assert lane.path == "Lead/Ditto Live/Intensity"
    assert lane.range == (0.0, 127.0)
    curve = lane_curve(lane, Fraction(4), Fraction(12))
    assert [(p.beat, p.value) for p in curve.points] == [(0, 65.0), (4, 120.0), (4, 0.0), (8, 30.0)]
    assert [track.kind for track in live_set.tracks] == ["midi", "main"]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 256).map(lambda n: n / 8), st.floats(0, 127).map(lambda x: round(x, 4))),
        min_size=1,
        max_size=30,
    ).map(lambda events: sorted(events, key=lambda event: event[0])),
    st.integers(0, 24),
    st.integers(1, 16),
)
def test_a_lane_is_what_was_drawn(events: list[tuple[float, float]], start: int, length: int) -> None:
    """Between any two beats the curve has the drawn value, jumps included."""
    events = [(BEFORE_THE_SONG, events[0][1]), *events]
    track = track_xml("Lead", lanes=envelope_xml(500, events), devices=DEVICE)
    with TemporaryDirectory() as folder:
        lane = find_lane(read_set(saved(Path(folder), set_xml(track))), "Intensity")
    curve = lane_curve(lane, Fraction(start), Fraction(start + length))
    for step in range(8 * length):
        beat = start + step / 8
        assert curve.value_at(Fraction(step, 8)) == pytest.approx(drawn_value(events, beat), abs=1e-6)


def drawn_value(events: list[tuple[float, float]], beat: float) -> float:
    """Return the value of a lane by walking along it."""
    before = [event for event in events if event[0] <= beat][-1]
    after = next((event for event in events if event[0] > beat), None)
    if after is None:
        return before[1]
    return before[1] + (after[1] - before[1]) * (beat - before[0]) / (after[0] - before[0])


def test_bent_segments_carry_their_handles(folder: Path) -> None:
    """The four numbers on a segment's first event are its Bezier handles, held within the box."""
    events = [(BEFORE_THE_SONG, 0.0), (0, 0.0, (0.2, 0.8, 0.4, 1.5)), (4, 1.0)]
    track = track_xml("Lead", lanes=envelope_xml(500, events), devices=DEVICE)
    curve = lane_curve(read_set(saved(folder, set_xml(track))).lanes[0], Fraction(0), Fraction(4))
    assert curve.points[0] == Breakpoint(Fraction(0), 0.0, (0.2, 0.8, 0.4, 1.0))
    assert sample(curve, Fraction(4), 4)[1] > 0.4


def test_switches_hold_their_value(folder: Path) -> None:
    """A lane of a menu or a switch jumps from value to value."""
    events = [(BEFORE_THE_SONG, 0), (2, 3), (4, 1)]
    track = track_xml("Lead", lanes=envelope_xml(500, events, kind="EnumEvent"), devices=DEVICE)
    curve = lane_curve(read_set(saved(folder, set_xml(track))).lanes[0], Fraction(0), Fraction(8))
    assert [curve.value_at(Fraction(beat)) for beat in (0, 1, 2, 3, 4, 7)] == [0, 0, 3, 3, 1, 1]


def test_mixer_lanes_and_sends_have_names(folder: Path) -> None:
    """Volume is a linear amplitude, as stored; sends go by letter."""
    lanes = envelope_xml(100, [(BEFORE_THE_SONG, 1.0), (0, 0.5)]) + envelope_xml(101, [(BEFORE_THE_SONG, 0.0)])
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", lanes=lanes))))
    assert [lane.path for lane in live_set.tracks[0].lanes] == ["Lead/Mixer/Volume", "Lead/Mixer/Send A"]
    assert find_lane(live_set, "Lead/Volume").range == pytest.approx((0.000316, 1.9953), abs=1e-4)


def test_lanes_of_live_9_lie_inside_their_parameter(folder: Path) -> None:
    """An event alone is a value; two or more are a lane."""
    shell = "<ArrangerAutomation><Events>{}</Events></ArrangerAutomation>"
    inside = shell.format(events_xml([(BEFORE_THE_SONG, 1), (4, 1), (8, 0)]))
    still = shell.format(events_xml([(BEFORE_THE_SONG, 1)]))
    device = f"<AutoFilter Id='0'><Cutoff>{inside}</Cutoff><Resonance>{still}</Resonance></AutoFilter>"
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", devices=device), main="MasterTrack")))
    assert [lane.path for lane in live_set.tracks[0].lanes] == ["Lead/AutoFilter/Cutoff"]
    assert lane_curve(live_set.lanes[0], Fraction(4), Fraction(8)).points[-1].value == 0


def test_plug_in_and_rack_parameters_have_names(folder: Path) -> None:
    """A plug-in tells its own names, also inside a rack; the user's name for it comes first."""
    value = parameter_xml("ParameterValue", 700, "0.5")
    plug = (
        "<PluginDevice><UserName Value='{name}' /><PluginDesc><Vst3PluginInfo><Name Value='Serum' />"
        "</Vst3PluginInfo></PluginDesc><ParameterList><PluginFloatParameter><ParameterName Value='A Vol' />"
        f"{value}</PluginFloatParameter></ParameterList></PluginDevice>"
    )
    rack = (
        "<InstrumentGroupDevice><UserName Value='Stack' /><Branches><InstrumentBranch><DeviceChain>"
        "<MidiToAudioDeviceChain><Devices>{plug}</Devices></MidiToAudioDeviceChain></DeviceChain>"
        "</InstrumentBranch></Branches></InstrumentGroupDevice>"
    )
    for name, shown in (("", "Serum"), ("Bass", "Bass")):
        devices = rack.format(plug=plug.format(name=name))
        track = track_xml("Lead", lanes=envelope_xml(700, [(BEFORE_THE_SONG, 0.5)]), devices=devices)
        live_set = read_set(saved(folder, set_xml(track)))
        assert live_set.lanes[0].path == f"Lead/{shown}/A Vol"
        assert [device.name for device in live_set.tracks[0].devices] == ["Stack", shown]


def test_clips_hold_notes_and_envelopes(folder: Path) -> None:
    """A session clip is unrolled from its loop; its envelope is a lane with a fourth part."""
    envelope = envelope_xml(500, [(BEFORE_THE_SONG, 0.0), (0, 0.0), (4, 127.0)], clip=True)
    clip = midi_clip_xml([(60, 0.0, 1.0, 100), (64, 2.0, 0.5, 80)], name="Verse", envelopes=envelope)
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", devices=DEVICE, session=clip))))
    (found,) = live_set.tracks[0].clips
    assert (found.name, found.place, found.slot, found.kind) == ("Verse", "session", 0, "midi")
    assert [(n.pitch, n.start, n.velocity) for n in found.notes] == [(60, 0, 100), (64, 2, 80)]
    assert [(n.pitch, n.start) for n in found.sounding_notes(Fraction(6))] == [(60, 0), (64, 2), (60, 4)]
    lane = find_lane(live_set, "Lead/Ditto Live/Intensity/Verse")
    assert lane_curve(lane, Fraction(0), Fraction(4)).value_at(Fraction(2)) == pytest.approx(63.5)


@pytest.mark.parametrize(
    ("loop", "values"),
    [
        ("", [0, 10, 20, 30, 0, 10]),  # linked: round the clip's four beats
        (loop_xml(0, 3), [0, 10, 20, 0, 10, 20]),
        (loop_xml(1, 3, relative=-1), [0, 10, 20, 10, 20, 10]),
        (loop_xml(0, 5, on=False), [0, 10, 20, 30, 40, 50]),
    ],
)
def test_an_envelope_goes_round_its_own_loop_where_it_is_unlinked(folder: Path, loop: str, values: list[float]) -> None:
    """An envelope as long as it likes beside a clip of a bar; the clip itself stays as it is."""
    envelope = envelope_xml(500, [(BEFORE_THE_SONG, 0.0), (0, 0.0), (5, 50.0), (6, 50.0)], clip=True, loop=loop)
    clip = midi_clip_xml([(60, 0.0, 1.0, 100)], name="Verse", envelopes=envelope)
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", devices=DEVICE, session=clip))))
    curve = played_curve(find_lane(live_set, "Lead/Ditto Live/Intensity/Verse"), Fraction(6))
    assert [curve.value_at(Fraction(beat) + Fraction(1, 100)) for beat in range(6)] == pytest.approx(
        [value + 0.1 if value < 50 else 50 for value in values]
    )
    markers = live_set.tracks[0].clips[0].markers
    assert (markers.start_marker, markers.loop_start, markers.loop_end, markers.looping) == (0, 0, 4, True)


def test_a_clip_without_a_name_is_called_by_its_place(folder: Path) -> None:
    """Its slot, or the bar and beat that Live shows there; whoever writes these words means that clip."""
    clips = "".join(midi_clip_xml([(60 + int(at), 0.0, 1.0, 100)], time=at) for at in (0, 30, 31.5))
    bare = track_xml("Lead", session=midi_clip_xml([(48, 0.0, 1.0, 100)]), arrangement=clips)
    path = saved(folder, set_xml(bare, meter_value=99 * 3 + 5))  # 6/8
    live_set = read_set(path)
    assert live_set.meter == Meter(6, 8)
    labels = [clip.label(live_set.bars) for clip in live_set.tracks[0].clips]
    assert labels == ["slot 1", "bar 1", "bar 11", "bar 11.4"]
    for label, pitch in zip(labels, (48, 60, 90, 91), strict=True):
        assert read_notes(f"{path}#Lead/{label}", Fraction(1)).notes[0].pitch == pitch
    with pytest.raises(MidiError, match="'slot 1', 'bar 1', 'bar 11'"):
        read_notes(f"{path}#Lead/bar 12", Fraction(1))


def test_the_arrangement_plays_its_clips_where_they_lie(folder: Path) -> None:
    """Notes of a range come from all clips in it, looped as they are, from 0 on."""
    clips = midi_clip_xml([(60, 0.0, 1.0, 100)], time=8.0, length=8.0) + midi_clip_xml([(72, 1.0, 1.0, 90)], time=16.0)
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", arrangement=clips))))
    heard = live_set.tracks[0].arrangement_notes(Fraction(8), Fraction(20))
    assert [(n.pitch, n.start) for n in heard] == [(60, 0), (60, 4), (72, 9)]
    assert live_set.tracks[0].arrangement_notes(Fraction(0), Fraction(8)) == ()


def test_an_automated_tempo_and_signature_are_the_songs_own(folder: Path) -> None:
    """Their lanes are lanes like any other."""
    tempo = [(0, 100.0), (16, 100.0), (32, 140.0)]
    live_set = read_set(
        saved(folder, set_xml("", tempo_bpm=100.0, tempo_events=tempo, meter_events=[(24, 2 * 99 + 6)]))
    )
    assert (live_set.tempo_bpm, str(live_set.meter)) == (100, "4/4")
    assert lane_curve(find_lane(live_set, "Main/Mixer/Tempo"), Fraction(24), Fraction(32)).points[0].value == 120
    assert find_lane(live_set, "Main/Mixer/TimeSignature").values[-1] == 2 * 99 + 6


def test_a_set_is_read_once_until_it_is_saved_again(folder: Path) -> None:
    """Of one request, and of one page: what is saved in Live meanwhile is there at once."""
    path = saved(folder, set_xml("", tempo_bpm=100.0))
    first = read_set(path)
    assert read_set(str(path)) is first
    os.utime(path, ns=(1, 1))
    assert read_set(path) is not first
    path.write_bytes(set_xml("", tempo_bpm=95.0))
    assert read_set(path).tempo_bpm == 95
    path.unlink()
    with pytest.raises(MidiError, match="cannot be read"):
        read_set(path)


def test_two_lanes_of_one_name_are_told_apart(folder: Path) -> None:
    """The second one gets a number, and the bare name is the first."""
    other = DEVICE.replace('"500"', '"501"')
    lanes = envelope_xml(500, [(BEFORE_THE_SONG, 1.0)]) + envelope_xml(501, [(BEFORE_THE_SONG, 2.0)])
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", lanes=lanes, devices=DEVICE + other))))
    assert find_lane(live_set, "Lead/Ditto Live/Intensity").values.tolist() == [1.0]
    assert find_lane(live_set, "Lead/Ditto Live/Intensity (2)").values.tolist() == [2.0]


def test_a_lane_whose_parameter_is_gone_is_still_there(folder: Path) -> None:
    """It goes by its number."""
    live_set = read_set(saved(folder, set_xml(track_xml("Lead", lanes=envelope_xml(999, [(0, 1.0)])))))
    assert live_set.lanes[0].path == "Lead/Unknown/Target 999"


def test_events_out_of_order_are_refused_when_used(folder: Path) -> None:
    """The rest of the set is still good."""
    track = track_xml("Lead", lanes=envelope_xml(500, [(4, 1.0), (0, 2.0)]), devices=DEVICE)
    live_set = read_set(saved(folder, set_xml(track)))
    with pytest.raises(MidiError, match="not in order"):
        lane_curve(live_set.lanes[0], Fraction(0), Fraction(4))
