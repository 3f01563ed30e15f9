"""Files made to harm: one clear sentence, soon, and in little memory."""

import gzip
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midi.errors import MidiError
from midi.live.set import lane_curve, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import read_midi, score_of_notes, write_midi
from midi.tempo import Meter, exact

DEVICE = max_device_xml("Ditto.amxd", "Intensity", 500, 0, 1)
LANE = envelope_xml(500, [(BEFORE_THE_SONG, 0.0), (0, 1.0), (4, 0.5, (0.1, 0.2, 0.3, 0.4)), (8, 0.0)])
GOOD = set_xml(track_xml("Lead", lanes=LANE, devices=DEVICE, session=midi_clip_xml([(60, 0.0, 1.0, 100)])))
NOTES = [Note(60 + i, exact(i), exact(1)) for i in range(8)]
SONG = write_midi(score_of_notes(NOTES, tempo_bpm=exact(120), meter=Meter()))

ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><Ableton Creator="&c;"></Ableton>"""
OUTSIDE = b'<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]><Ableton>&x;</Ableton>'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no element found"),
        (b"JUNK", "syntax error"),
        (b"<Other/>", "Other, not Ableton"),
        (b"<Ableton/>", "no tracks"),
        (ENTITIES, "document type"),
        (OUTSIDE, "document type"),
        (GOOD[: len(GOOD) // 2], "unclosed|no element|invalid"),
        (gzip.compress(GOOD, mtime=0)[:-20], "ends too early"),
        (gzip.compress(GOOD, mtime=0)[:100], "ends too early"),
        (b"\x1f\x8b" + bytes(100), "gzip data is damaged"),
        (b"<a>" * 1000, "not Ableton"),
        (b"<Ableton>" * 1000, "nested over"),
        (b"<Ableton Creator='" + b"x" * (10 * 2**20), "never ends"),
        (b"<Ableton><" + b"x" * 1000 + b"/></Ableton>", "name of one of its elements"),
        (b"<Ableton>" + b"".join(b"<a%d/>" % i for i in range(200_000)), "different elements"),
        (GOOD.replace(b"<Tempo>", b"<Rempo>").replace(b"</Tempo>", b"</Rempo>"), "no Tempo"),
        (GOOD.replace(b'Manual Value="201"', b'Manual Value="9999"'), "time signature"),
        (GOOD.replace(b'Manual Value="120.0"', b'Manual Value="5"'), "20 to 999"),
        (GOOD.replace(b"UTF-8", b"UTF-16"), "not a whole|BPM"),
    ],
)
def test_a_hostile_set_is_one_sentence(tmp_path: Path, data: bytes, says: str) -> None:
    """Whatever is in the file, the sentence names it and what is wrong."""
    path = tmp_path / "song.als"
    path.write_bytes(data)
    if says == "not a whole|BPM":  # a wrong encoding name is of no consequence: Live writes UTF-8
        assert read_set(path).tempo_bpm == 120
        return
    with pytest.raises(MidiError, match=says) as caught:
        read_set(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        (b'Time="4"', b'Time="four"', "'four', not a number"),
        (b'Time="4"', b'Time="nan"', "'nan', not a number"),
        (b'Value="0.5"', b'Value=""', "not a number"),
        (b'Velocity="100"', b'Velocity="1e999"', "1e999"),
        (b'Duration="1.0"', b'Duration="1e12"', "far outside any song"),
        (b'MidiKey Value="60"', b'MidiKey Value="-3"', "none of the 128"),
        (b'PointeeId Value="500"', b'PointeeId Value="5OO"', "5OO"),
    ],
)
def test_one_bad_element_costs_that_element(tmp_path: Path, good: bytes, bad: bytes, says: str) -> None:
    """One event, note or number that nobody can understand is left out and said; all else in the set reads."""
    path = tmp_path / "song.als"
    assert good in GOOD
    path.write_bytes(GOOD.replace(good, bad, 1))
    live_set = read_set(path)
    assert len(live_set.remarks) == 1
    assert says in live_set.remarks[0]
    assert live_set.tempo_bpm == 120
    assert [track.name for track in live_set.tracks] == ["Lead", "Main"]
    for lane in live_set.lanes:
        lane_curve(lane, exact(0), exact(16))


@pytest.mark.parametrize(
    "bad",
    [
        *(b"&#x1;", b"&#0;", b"&#xD800;", b"&#1114112;", b"&", b"&unknown;", b"&#xyz;"),
        *(b"\x01", b"\xff", b"\xed\xa0\x80"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_one_forbidden_character_costs_that_character(tmp_path: Path, bad: bytes, packed: bool) -> None:
    """A name with a control character, half a letter or a bare ampersand leaves the set readable, with one remark."""
    path = tmp_path / "song.als"
    data = GOOD.replace(b'EffectiveName Value="Lead"', b'EffectiveName Value="Lead' + bad + b'"')
    path.write_bytes(gzip.compress(data) if packed else data)
    live_set = read_set(path)
    assert live_set.tracks[0].name.startswith("Lead")
    assert len(live_set.lanes) == 3
    assert len(live_set.remarks) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_set_may_be_saved_in_any_unicode(tmp_path: Path, encoding: str) -> None:
    """An unpacked set that an editor saved with a mark, or as UTF-16, reads as it did."""
    path = tmp_path / "song.als"
    path.write_bytes(GOOD.decode().replace("Lead", "Mélodie メロディ").encode(encoding))
    live_set = read_set(path)
    assert live_set.tracks[0].name == "Mélodie メロディ"
    assert live_set.remarks == ()


def test_a_gzip_bomb_is_refused_early(tmp_path: Path) -> None:
    """A quarter of a megabyte that unpacks to a thousand times that is not unpacked."""
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = bomb.compress(b"<Ableton>" + b" " * 2**20)
    packed += b"".join(bomb.compress(b" " * 2**20) for _ in range(255)) + bomb.flush()
    path = tmp_path / "song.als"
    path.write_bytes(packed)
    with pytest.raises(MidiError, match="far more than any set"):
        read_set(path)


def test_a_folder_or_a_strange_name_is_no_set(tmp_path: Path) -> None:
    """Neither brings out another exception; a folder is called one."""
    for path in (tmp_path, tmp_path / "gone.als", Path("a\0b.als")):
        with pytest.raises(MidiError, match=r"cannot be read|is a folder, not a file"):
            read_set(path)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Return `data` with pieces replaced: a place in thousandths, how many bytes, by what."""
    for place, length, new in changes:
        at = len(data) * place // 1000
        data = data[:at] + new + data[at + length :]
    return data


pieces = st.binary(max_size=6) | st.sampled_from(
    [
        b"",
        b"\xff" * 8,
        b"\x00" * 4,
        b"<",
        b">",
        b'"',
        b"&x;",
        b"-1",
        b"1e400",
        b"nan",
        b"MTrk",
        b"\x90\x3c",
        b"\xff\x51",
    ]
)
changes = st.lists(st.tuples(st.integers(0, 999), st.integers(0, 12), pieces), min_size=1, max_size=4)


def only_our_error(read: Callable[[], object]) -> None:
    """Call `read`; any exception but ours goes through and fails the test."""
    try:
        read()
    except MidiError as error:
        if not str(error):
            raise AssertionError("an error without a sentence") from error


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_mutated_midi_files_give_notes_or_our_error(edits: list[tuple[int, int, bytes]]) -> None:
    """Read, and written again where it can be."""
    only_our_error(lambda: write_midi(read_midi(mutated(SONG, edits))))


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes, st.booleans())
def test_mutated_sets_give_lanes_or_our_error(
    tmp_path: Path, edits: list[tuple[int, int, bytes]], packed: bool
) -> None:
    """Read, every lane made a curve and every clip heard."""
    path = tmp_path / "song.als"
    path.write_bytes(mutated(gzip.compress(GOOD), edits) if packed else mutated(GOOD, edits))

    def use() -> None:
        live_set = read_set(path)
        for lane in live_set.lanes:
            lane_curve(lane, exact(0), exact(16))
        for track in live_set.tracks:
            track.arrangement_notes(exact(0), exact(16))
            assert all(clip.sounding_notes(exact(16)) is not None for clip in track.clips)

    only_our_error(use)


READ_BIG = """
import resource, sys
from pathlib import Path
from midi.live.set import read_set
live_set = read_set(sys.argv[1])
status = Path("/proc/self/status")
if status.exists():  # the peak of this process; getrusage counts the one that started it, too
    peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1]
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
print(sum(len(lane.times) for lane in live_set.lanes), peak)
"""


def save_big_set(path: Path, size_bytes: int) -> int:
    """Write a set with one long lane, piece by piece, and return how many events it has."""
    before, after = set_xml(track_xml("Lead", lanes=LANE, devices=DEVICE)).split(b"</Events>", 1)
    count = 0
    with gzip.open(path, "wb", compresslevel=1) as file:
        written = file.write(before)
        while written < size_bytes:
            events = (f'<FloatEvent Id="1234" Time="{count + i}" Value="0.70710677" />' for i in range(10_000))
            written += file.write("".join(events).encode())
            count += 10_000
        file.write(b"</Events>" + after)
    return count


@pytest.mark.slow
def test_a_set_of_a_hundred_megabytes_fits_into_300(tmp_path: Path) -> None:
    """Over a million events, read in a process of its own whose peak is looked at."""
    path = tmp_path / "song.als"
    count = save_big_set(path, 100 * 2**20)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", READ_BIG, str(path)]
    read = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root, timeout=200)
    events, peak_kb = map(int, read.stdout.split())
    assert events >= count > 1_500_000
    assert peak_kb < 300 * 2**10
