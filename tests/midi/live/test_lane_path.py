"""Lanes by name, and what is said where a name does not fit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.live.model import quote
from midi.live.set import LiveSet, find_lane, parse_lane_path, parse_lane_reference, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, midi_clip_xml, set_xml, track_xml

EVENTS = [(BEFORE_THE_SONG, 0.0), (0, 1.0)]


@pytest.fixture(scope="module")
def live_set(tmp_path_factory: pytest.TempPathFactory) -> LiveSet:
    """Return a set with two tracks, of which one has a difficult name."""
    clip = midi_clip_xml([], name="Verse", envelopes=envelope_xml(500, EVENTS, clip=True))
    lead = track_xml(
        "Lead",
        lanes=envelope_xml(500, EVENTS) + envelope_xml(100, EVENTS),
        devices=max_device_xml("Ditto.amxd", "Intensity", 500, 0, 1),
        session=clip,
    )
    other = track_xml(
        "AC/DC #1",
        lanes=envelope_xml(900, EVENTS) + envelope_xml(200, EVENTS),
        devices=max_device_xml("Ditto.amxd", "Intensity", 900, 0, 1),
        first_id=200,
    )
    path = tmp_path_factory.mktemp("set") / "song.als"
    path.write_bytes(set_xml(lead + other))
    return read_set(path)


parts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=12)


@given(st.lists(parts, min_size=1, max_size=4))
def test_a_quoted_path_reads_back_as_its_parts(names: list[str]) -> None:
    """Whatever slashes, quotes and spaces the names hold."""
    assert parse_lane_path("/".join(quote(name) for name in names)) == tuple(names)


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_our_error(text: str) -> None:
    """No text brings out another exception."""
    try:
        assert parse_lane_path(text)
    except MidiError as error:
        assert "quotes" in str(error)  # noqa: PT017  the only thing that can be wrong


def test_every_lane_is_found_by_its_own_path(live_set: LiveSet) -> None:
    """What the table shows can be copied."""
    for lane in live_set.lanes:
        assert find_lane(live_set, lane.path) is lane


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("lead/ditto/intensity", "Lead/Ditto/Intensity"),
        ("Lead/Intensity", "Lead/Ditto/Intensity"),
        ('"AC/DC #1"/Ditto/Intensity', '"AC/DC #1"/Ditto/Intensity'),
        ('"ac/dc #1"/Volume', '"AC/DC #1"/Mixer/Volume'),
        ("Tempo", "Main/Mixer/Tempo"),
        ("Lead/Ditto/Intensity/Verse", "Lead/Ditto/Intensity/Verse"),
    ],
)
def test_capitals_and_unique_parts_do(live_set: LiveSet, path: str, found: str) -> None:
    """The parameter alone will do where it is the only one; arrangement lanes win over clips."""
    assert find_lane(live_set, path).path == found


def test_an_ambiguous_name_lists_its_lanes(live_set: LiveSet) -> None:
    """So that the right one can be copied."""
    with pytest.raises(MidiError, match=r'Lead/Ditto/Intensity.*"AC/DC #1"/Ditto/Intensity') as caught:
        find_lane(live_set, "Intensity")
    assert caught.value.fault == "ambiguous_lane"


@pytest.mark.parametrize("path", ["Lead/Ditto/Intenisty", "", "a/b/c/d/e", "Leed"])
def test_a_missing_name_lists_what_there_is(live_set: LiveSet, path: str) -> None:
    """The error holds the lanes."""
    with pytest.raises(MidiError, match="Lead/Ditto/Intensity"):
        find_lane(live_set, path)


@pytest.mark.parametrize("path", ['"Lead/Ditto', '"Lead"x/Ditto', '"'])
def test_quotes_must_match(live_set: LiveSet, path: str) -> None:
    """One sentence says so."""
    with pytest.raises(MidiError, match="quotes"):
        find_lane(live_set, path)


def test_a_set_without_lanes_says_so(tmp_path: Path) -> None:
    """And how to get some."""
    path = tmp_path / "song.als"
    path.write_bytes(set_xml("").replace(b"AutomationEnvelope", b"Nothing"))
    with pytest.raises(MidiError, match="no automation"):
        find_lane(read_set(path), "Lead")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("song.als#Lead/Ditto/Intensity", ("song.als", "Lead/Ditto/Intensity")),
        ("my #1 song.ALS#A/B/C#", ("my #1 song.ALS", "A/B/C#")),
        ('C:\\sets\\x.als#"a#b"/c/d', ("C:\\sets\\x.als", '"a#b"/c/d')),
        ("song.als", ("song.als", "")),
    ],
)
def test_a_reference_is_a_file_and_a_lane(text: str, expected: tuple[str, str]) -> None:
    """Either may hold a # of its own."""
    assert parse_lane_reference(text) == expected


@pytest.mark.parametrize("text", ["", "song.mid", "song#Lead/Ditto/Intensity"])
def test_a_reference_names_a_set(text: str) -> None:
    """What is none is told the form."""
    with pytest.raises(MidiError, match="names no Live set"):
        parse_lane_reference(text)
