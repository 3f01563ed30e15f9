"""The readers of a set's elements, taken alone: names, clips, parameters and lanes, and elements that mean nothing."""

from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midi.live.parts import OpenSet
from midi.live.reader import SetReader
from midi.live.xml import BrokenElementError, UnreadableValueError

Element = tuple[str, dict[str, str]]
TAGS = (
    "MidiTrack", "DeviceChain", "Devices", "ArrangerAutomation", "Events", "FloatEvent", "MidiClip", "KeyTrack",
    "Notes", "MidiNoteEvent", "MidiKey", "ClipSlot", "ClipSlotList", "Name", "UserName", "EffectiveName",
    "AutomationTarget", "Manual", "Min", "Max", "MinValue", "MaxValue", "AutomationEnvelope", "EnvelopeTarget",
    "PointeeId", "LoopOn", "Loop", "CurrentStart", "TrackSendHolder",
    "ParameterList", "MxDFloatParameter", "MidiControllerRange", "FileRef", "Tempo",
)  # fmt: skip
VALUES = st.sampled_from(["", "0", "1", "-1", "60", "0.5", "true", "nan", "1e300", "words", "9" * 30])
ATTRIBUTES = st.dictionaries(st.sampled_from(["Value", "Id", "Time", "Duration", "Velocity", "OffVelocity"]), VALUES)
Tree = st.recursive(
    st.tuples(st.sampled_from(TAGS), ATTRIBUTES, st.just([])),
    lambda inner: st.tuples(st.sampled_from(TAGS), ATTRIBUTES, st.lists(inner, max_size=4)),
    max_leaves=25,
)


def feed(reader: SetReader, tag: str, attributes: dict[str, str], inside: Iterable[object]) -> None:
    """Give the reader an element with all that is in it; one that cannot be understood is left out, as in a file."""
    with suppress(UnreadableValueError):
        reader.start(tag, attributes)
    for one in inside:
        feed(reader, *one)  # type: ignore[misc]  # a tree of the same form
    with suppress(UnreadableValueError):
        reader.end(tag)


@given(st.lists(Tree, max_size=4))
@settings(max_examples=60)
def test_no_order_of_elements_upsets_the_readers(trees: list[tuple[str, dict[str, str], list[object]]]) -> None:
    """Whatever lies in whatever: each element is closed again, and what was found has the form of a set."""
    reader = SetReader()
    feed(reader, "Ableton", {"Creator": "Live 12"}, [("LiveSet", {}, [("Tracks", {}, trees)])])
    held: OpenSet = reader._open
    assert (held.stack, held.devices, held.clip, held.track, held.named) == ([], [], None, None, None)
    for track in reader.tracks:
        for lane in track.lanes:
            assert len(lane.times) == len(lane.values)
        for clip in track.clips:
            assert len(clip.notes) % 8 == 0


def path(*elements: Element) -> SetReader:
    """Return a reader within a track, after elements that lie in each other."""
    reader = SetReader()
    tags: list[Element] = [("Ableton", {}), ("LiveSet", {}), ("Tracks", {}), ("MidiTrack", {}), *elements]
    for tag, attributes in tags:
        reader.start(tag, attributes)
    return reader


def test_a_track_is_called_as_its_user_calls_it() -> None:
    """The name of a track is no name of what lies in it, and the other way round."""
    reader = path(("Name", {}), ("UserName", {"Value": "Bass"}))
    assert reader.tracks[0].user_name == "Bass"
    for tag in ("UserName", "Name"):
        reader.end(tag)
    for tag in ("DeviceChain", "Devices", "Operator"):
        reader.start(tag, {})
    reader.start("UserName", {"Value": "Growl"})
    assert (reader.tracks[0].user_name, reader.tracks[0].devices[0].name) == ("Bass", "Growl")


def test_notes_get_the_pitch_that_comes_after_them() -> None:
    """Each key track names its pitch at its end; one that names none is left out, and the next is read."""
    reader = path(("MidiClip", {"Time": "4"}), ("Notes", {}), ("KeyTracks", {}))
    note = {"Time": "0", "Duration": "1", "Velocity": "100"}
    for pitch in ("60", "200", "64"):
        reader.start("KeyTrack", {})
        reader.start("Notes", {})
        reader.start("MidiNoteEvent", note)
        for tag in ("MidiNoteEvent", "Notes"):
            reader.end(tag)
        reader.start("MidiKey", {"Value": pitch})
        reader.end("MidiKey")
        if pitch == "200":
            with pytest.raises(UnreadableValueError, match="none of the 128"):
                reader.end("KeyTrack")
        else:
            reader.end("KeyTrack")
    (clip,) = reader.tracks[0].clips
    assert (list(clip.notes[::8]), clip.time) == ([60.0, 64.0], 4.0)


def test_another_file_than_a_set_is_refused_at_its_first_element() -> None:
    """The reason names what it is instead."""
    with pytest.raises(BrokenElementError, match="first element is svg"):
        SetReader().start("svg", {})
