"""Real sets, read by us and by a walk over the whole tree: the same tempo, tracks, notes and events."""

import gzip
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from midi.errors import MidiError
from midi.live.set import LiveSet, find_lane, lane_curve, read_set

TRACKS = ("MidiTrack", "AudioTrack", "GroupTrack", "ReturnTrack")
SWITCHES = {"true": 1.0, "false": 0.0}

Events = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Walked:
    """What the tree of a set holds, and what we read from the file."""

    name: str
    creator: str | None
    tempo_bpm: float
    meter_value: float
    tracks: list[tuple[str, set[str | None], list[str]]]  # kind, names, devices
    notes: Counter[tuple[float, ...]]
    lanes: Counter[Events]
    live_set: LiveSet


@pytest.fixture(scope="module")
def sets(shared: Path) -> list[Walked]:
    """Return every set of the collection, Live 8 to 12, packed and plain."""
    found = [path for path in sorted((shared / "fixtures").glob("*/*.als")) if path.stem != "junk"]
    assert len(found) >= 20
    return [walked(path) for path in found]


def walked(path: Path) -> Walked:
    data = path.read_bytes()
    tree = ET.fromstring(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    main = next(child for child in tree[0] if child.tag in ("MainTrack", "MasterTrack"))
    mixer = next(main.iter("Mixer"))
    tempo, meter = (next(child for child in mixer if child.tag == tag) for tag in ("Tempo", "TimeSignature"))
    tracks = [track for track in tree.iterfind("LiveSet/Tracks/*") if track.tag in TRACKS]
    return Walked(
        name=path.name,
        creator=tree.get("Creator"),
        tempo_bpm=first_value(tempo),
        meter_value=first_value(meter),
        tracks=[(t.tag[:-5].lower(), track_names(t), list(device_tags(t))) for t in tracks],
        notes=Counter(notes(tree)),
        lanes=Counter(lanes(tree)),
        live_set=read_set(path),
    )


def value(element: ET.Element, path: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get("Value")


def first_value(parameter: ET.Element) -> float:
    """Return a parameter's value; Live 8 keeps it as the first event."""
    manual = value(parameter, "Manual")
    event = parameter.find("ArrangerAutomation/Events/*")
    return float(manual if manual is not None else event.get("Value"))  # type: ignore[union-attr, arg-type]


def track_names(track: ET.Element) -> set[str | None]:
    return {value(track, "Name/EffectiveName"), value(track, "Name/UserName")}


def device_tags(element: ET.Element) -> Iterator[str]:
    """Yield the devices below an element, those in racks after their rack."""
    for child in element:
        if element.tag == "Devices":
            yield child.tag
        yield from device_tags(child)


def notes(tree: ET.Element) -> Iterator[tuple[float, ...]]:
    """Yield pitch, time, length, both velocities and mute of every note."""
    for clip in tree.iter("MidiClip"):
        for key in clip.iter("KeyTrack"):
            for note in key.iter("MidiNoteEvent"):
                fields = ("Time", "Duration", "Velocity", "OffVelocity")
                heard = float(note.get("IsEnabled", "true") == "true")
                yield (
                    float(value(key, "MidiKey") or "nan"),
                    *(float(note.get(f, "nan")) for f in fields),
                    heard,
                )


def lanes(tree: ET.Element) -> Iterator[Events]:
    """Yield the events of every lane: those of Live 9 lie in the parameter and need two to be a lane."""
    for parent in tree.iter():
        if parent.tag in ("AutomationEnvelope", "ClipEnvelope"):
            outer = event_list(parent.find("Automation/Events"))
            if outer:
                yield outer
        inner = event_list(parent.find("ArrangerAutomation/Events"))
        if len(inner) > 1:
            yield inner


def event_list(events: ET.Element | None) -> Events:
    """Return times and values; clips, which lie in places of the same name, are none."""
    read = []
    for event in events if events is not None else ():
        if event.tag in ("FloatEvent", "EnumEvent", "BoolEvent"):
            text = event.get("Value", "")
            read.append((float(event.get("Time", "nan")), SWITCHES[text] if text in SWITCHES else float(text)))
    return tuple(read)


def test_tempo_signature_tracks_and_devices_are_those_of_the_tree(sets: list[Walked]) -> None:
    """Both kinds of main track, names given and names that Live made up."""
    for tree in sets:
        ours = tree.live_set
        assert float(ours.tempo_bpm) == tree.tempo_bpm, tree.name
        assert ours.meter.numerator - 1 + 99 * (ours.meter.denominator.bit_length() - 1) == tree.meter_value
        assert ours.creator == tree.creator
        assert [track.kind for track in ours.tracks] == [kind for kind, _, _ in tree.tracks] + ["main"]
        for track, (_, names, devices) in zip(ours.tracks, tree.tracks, strict=False):
            assert track.name in names or not any(names)
            assert [device.kind for device in track.devices] == devices


def test_every_note_is_that_of_the_tree(sets: list[Walked]) -> None:
    """As stored, and as notes of the clips."""
    for tree in sets:
        clips = [clip for track in tree.live_set.tracks for clip in track.clips]
        assert Counter(tuple(row[:6]) for clip in clips for row in clip.note_data.tolist()) == tree.notes, tree.name
        as_notes = sorted((n.pitch, float(n.start), n.velocity) for clip in clips for n in clip.notes)
        assert as_notes == sorted((round(n[0]), n[1], round(n[3])) for n in tree.notes.elements())
    assert sum(tree.notes.total() for tree in sets) > 5_000


def test_every_event_is_that_of_the_tree(sets: list[Walked]) -> None:
    """All lanes, with each event's time and value."""
    for tree in sets:
        ours = (zip(lane.times.tolist(), lane.values.tolist(), strict=True) for lane in tree.live_set.lanes)
        assert Counter(map(tuple, ours)) == tree.lanes, tree.name
    assert sum(len(events) * n for tree in sets for events, n in tree.lanes.items()) > 30_000


def test_a_real_lane_becomes_a_curve_through_its_events(sets: list[Walked]) -> None:
    """At each event's beat the curve has the event's value, the later one at a jump."""
    live_set = next(tree for tree in sets if tree.name == "automation-pathological-end2.als").live_set
    lane = find_lane(live_set, "Main/Mixer/Tempo")
    curve = lane_curve(lane, Fraction(0), Fraction(16))
    drawn = {time: value for time, value in zip(lane.times.tolist(), lane.values.tolist(), strict=True)}
    inside = [time for time in drawn if 0 <= time < 16]
    assert len(inside) > 10
    for time in inside[:500]:
        assert curve.value_at(Fraction(repr(time))) == pytest.approx(drawn[time], abs=1e-6)


def test_what_is_no_set_is_refused(shared: Path) -> None:
    """The collection holds one file that only has the name of a set."""
    with pytest.raises(MidiError, match=r"junk\.als is not a whole Live set"):
        read_set(shared / "fixtures" / "dawtool" / "junk.als")
