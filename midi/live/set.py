"""Live sets (`.als`, Live 8 to 12) and clips (`.alc`): read one, find a lane in it by name, use it as a curve.

live_set = read_set(Path("song.als"))
lane = find_lane(live_set, "Lead/Ditto Live/Intensity")
curve = lane_curve(lane, from_beat=Fraction(16), to_beat=Fraction(32))
"""

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import MidiError
from ..files.names import shown
from ..files.opening import state_of_file
from ..tempo import Meter, exact, parse_tempo
from .clip import ClipMarkers
from .lane_path import find_lane, parse_lane_path, parse_lane_reference
from .model import (
    METER_PARAMETER,
    NOTE_FIELDS,
    TEMPO_PARAMETER,
    Lane,
    LiveClip,
    LiveDevice,
    LiveSet,
    LiveTrack,
    lane_curve,
    meter_of_value,
    played_curve,
)
from .parts import OpenClip, OpenDevice, OpenEvents, OpenTrack, Target
from .reader import SetReader
from .xml import broken_set, stream_elements

__all__ = [
    "Lane",
    "LiveClip",
    "LiveDevice",
    "LiveSet",
    "LiveTrack",
    "find_lane",
    "lane_curve",
    "parse_lane_path",
    "parse_lane_reference",
    "played_curve",
    "read_set",
]

CLIP_TEMPO_BPM = 120  # of a clip file, which does not tell

_KIND_NAMES = {"midi": "MIDI", "audio": "Audio", "group": "Group", "return": "Return", "main": "Main"}


def read_set(path: Path | str) -> LiveSet:
    """Read a Live set or clip; raises only `MidiError`.

    Two lanes of one name are distinguished by ` (2)` after the parameter. A clip file (`.alc`) has no main track:
    its tempo counts as 120 and its signature as 4/4. The last set that was read is kept until it is saved again: a
    request may name several parts of it, and a large one takes seconds.
    """
    found = state_of_file(Path(path))
    return _read(Path(path), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, _modified_ns: int, _size_bytes: int) -> LiveSet:
    reader = SetReader()
    remarks = stream_elements(path, reader)
    visible = [track for track in reader.tracks if track.kind is not None]
    if not visible:
        raise broken_set(path.name, "it has no tracks")
    names = [_track_name(track, number) for number, track in enumerate(visible, 1)]
    seen: Counter[tuple[str, ...]] = Counter()
    tracks = [_track(track, name, reader, seen) for track, name in zip(visible, names, strict=True)]
    tracks.sort(key=lambda track: track.kind == "main")  # Live writes it last, and so do we
    tempo_bpm, meter = parse_tempo(CLIP_TEMPO_BPM), Meter()
    if reader.song or path.suffix.lower() != ".alc":
        tempo_bpm = parse_tempo(_song_value(path.name, TEMPO_PARAMETER, reader))
        meter = meter_of_value(_song_value(path.name, METER_PARAMETER, reader))
    return LiveSet(
        creator=reader.creator,
        tempo_bpm=tempo_bpm,
        meter=meter,
        tracks=tuple(tracks),
        remarks=remarks,
    )


def _track_name(track: OpenTrack, number: int) -> str:
    """Return the name that Live shows; an old set leaves a default one empty."""
    if track.kind == "main":
        return shown(track.user_name) or "Main"
    return shown(track.effective_name or track.user_name) or f"{number}-{_KIND_NAMES[track.kind or 'midi']}"


def _track(track: OpenTrack, name: str, reader: SetReader, seen: "Counter[tuple[str, ...]]") -> LiveTrack:
    lanes = []
    for events in track.lanes:
        lane = _lane(events, name, reader)
        if lane is not None:
            seen[lane.parts] += 1
            times = seen[lane.parts]
            lanes.append(lane if times == 1 else replace(lane, parameter=f"{lane.parameter} ({times})"))
    return LiveTrack(
        name=name,
        kind=track.kind or "midi",
        devices=tuple(LiveDevice(device.name, device.kind) for device in track.devices),
        clips=tuple(_clip(clip) for clip in track.clips),
        lanes=tuple(lanes),
    )


def _lane(events: OpenEvents, track: str, reader: SetReader) -> Lane | None:
    """Return the lane, or None where it holds no event at all."""
    if not events.times:
        return None
    target = events.target or reader.targets.get(events.target_id or -1)
    if target is None:
        target = Target(OpenDevice("Unknown", 0), f"Target {events.target_id}")
    return Lane(
        track=track,
        device=shown(target.device.name),
        parameter=shown(target.name),
        times=np.frombuffer(events.times),
        values=np.frombuffer(events.values),
        steps=events.steps,
        handles=events.handles,
        low=target.low,
        high=target.high,
        clip=None if events.clip is None else shown(events.clip.name) or "Clip",
        markers=None if events.bounds is None else _markers(events.bounds),
        meter=None if events.clip is None else _clip_meter(events.clip),
    )


def _clip(clip: OpenClip) -> LiveClip:
    number = clip.numbers.get
    start, end = number("CurrentStart", clip.time), number("CurrentEnd", clip.time)
    return LiveClip(
        name=shown(clip.name),
        kind="midi" if clip.kind == "midi" else "audio",
        place=clip.place,
        start=exact(start),
        end=exact(end),
        markers=_markers(clip),
        meter=_clip_meter(clip),
        slot=clip.slot,
        note_data=np.frombuffer(clip.notes).reshape(-1, NOTE_FIELDS) if clip.notes else np.empty((0, NOTE_FIELDS)),
        active=clip.active,
    )


def _markers(of: OpenClip | OpenEvents) -> ClipMarkers:
    number = of.numbers.get
    loop_start, loop_end = number("LoopStart", 0.0), number("LoopEnd", 0.0)
    first = loop_start + number("StartRelative", 0.0)
    last = number("OutMarker", loop_end) if of.looping else loop_end
    return ClipMarkers(exact(first), exact(last), exact(loop_start), exact(loop_end), of.looping)


def _clip_meter(clip: OpenClip) -> Meter:
    """Return a clip's own signature, the default one in place of an invalid one."""
    try:
        return Meter(round(clip.numbers.get("Numerator", 4.0)), round(clip.numbers.get("Denominator", 4.0)))
    except MidiError:
        return Meter()


def _song_value(file_name: str, tag: str, reader: SetReader) -> float:
    """Return the tempo or signature shown; Live 8 keeps it in its lane only."""
    if tag not in reader.song:
        raise broken_set(file_name, f"its main track has no {tag}")
    target, events = reader.song[tag]
    if target.manual is not None:
        return target.manual
    if events is not None and len(events.values):
        return events.values[0]
    raise broken_set(file_name, f"the {tag} of its main track has no value")
