"""The notes of a Live set's clip: which one `SET.als#Track`, `SET.als#Track/Clip` and `CLIP.alc` mean.

The arrangement is read where it has notes there, from beat 0 or the beat behind an `@` on; else the first clip of
the session that has notes. Where there was a choice, a remark names the clip.
"""

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..errors import MidiError
from ..files.names import name_key, printable
from ..rhythm import is_kit
from ..tempo import Beats, Meter, exact
from .lane_path import parse_lane_path
from .model import LiveClip, LiveSet, LiveTrack
from .notes_read import NotesRead
from .set import read_set

_FROM_BEAT = re.compile(r"@\s*(\d+(?:\.\d+)?)\s*$")
_DRUM_RACK = "DrumGroupDevice"
_MAX_LISTED = 12
_HOW = "Write SET.als#Track or SET.als#Track/Clip."


def clip_piece(path: Path, part: str, loop_beats: Beats) -> NotesRead:
    """Return the notes that the clip, or the track in the arrangement, plays in a loop; raises `MidiError`."""
    live_set = read_set(path)
    remarks = list(live_set.remarks)
    track, rest = _track(live_set, part, remarks)
    kit = any(device.kind == _DRUM_RACK for device in track.devices)
    start = _FROM_BEAT.search(rest)
    rest = rest[: start.start()] if start else rest
    if rest.strip():
        clip = _named_clip(track, rest, live_set.meter)
    else:
        from_beat = exact(start.group(1)) if start else Fraction(0)
        notes = track.arrangement_notes(from_beat, from_beat + loop_beats)
        clips = sorted((c for c in _note_clips(track) if c.place == "session"), key=lambda clip: not clip.active)
        if notes or start or not clips:
            return _arranged(live_set, track, from_beat, loop_beats, remarks, kit=kit, anywhere=start is None)
        clip = clips[0]
        label = clip.label(live_set.meter)
        if len(clips) > 1:
            others = ", ".join(repr(other.label(live_set.meter)) for other in clips[1 : _MAX_LISTED + 1])
            remarks.append(f"Of {track.name!r} the clip {label!r} is read; there are {others}, too.")
        if not clip.active:
            remarks.append(f"The clip {label!r} is switched off in Live; it is read all the same.")
    notes = clip.sounding_notes(loop_beats)
    remarks += _length_said(clip, clip.label(live_set.meter), loop_beats)
    return NotesRead(notes, tuple(remarks), kit or is_kit(notes))


def _arranged(
    live_set: LiveSet,
    track: LiveTrack,
    from_beat: Beats,
    loop_beats: Beats,
    remarks: list[str],
    *,
    kit: bool,
    anywhere: bool,
) -> NotesRead:
    """Return the arrangement's notes; without a beat, and where nothing plays at its start, from the first clip on."""
    notes = track.arrangement_notes(from_beat, from_beat + loop_beats)
    if not notes and anywhere:
        first = min((c.start for c in _note_clips(track) if c.place == "arrangement" and c.active), default=None)
        if first is not None:
            from_beat = first
            notes = track.arrangement_notes(first, first + loop_beats)
            remarks.append(f"{track.name!r} is read from beat {float(first):g} of the arrangement, its first clip, on.")
    remarks += _switched_off(track, live_set.meter, from_beat, from_beat + loop_beats)
    if not notes:
        raise MidiError(
            "no_notes",
            f"The track {track.name!r} plays no notes from beat {float(from_beat):g} on.",
            "Name a clip of it, or another beat behind an @.",
        )
    return NotesRead(notes, tuple(remarks), kit or is_kit(notes))


def _switched_off(track: LiveTrack, meter: Meter, from_beat: Beats, to_beat: Beats) -> list[str]:
    """Return a sentence on clips with notes in a range of the arrangement that are switched off, if there are any."""
    clips = [c for c in _note_clips(track) if c.place == "arrangement" and c.start < to_beat and c.end > from_beat]
    off = [clip.label(meter) for clip in clips if not clip.active]
    names = ", ".join(map(repr, off[:_MAX_LISTED]))
    return [f"Clips that are switched off in Live are left out: {names}."] if off else []


def _track(live_set: LiveSet, part: str, remarks: list[str]) -> tuple[LiveTrack, str]:
    """Return the track that `part` names, and the rest of `part` behind its name."""
    able = [track for track in live_set.tracks if _note_clips(track)]
    bare = part.strip()
    is_named = any(name_key(track.name) == name_key(part) for track in live_set.tracks)  # a track may be called @
    if not bare or (bare.startswith("@") and not is_named):
        if len(able) == 1:
            return able[0], bare
        what = "several tracks" if able else "no track"
        raise MidiError("no_such_track", f"The set has {what} with notes. It has: {_listed(live_set.tracks)}.", _HOW)
    for name, rest in _readings(part):
        found = [track for track in live_set.tracks if name_key(track.name) == name_key(name)]
        if not found and name.strip().isascii() and name.strip().isdigit():
            found = list(live_set.tracks[int(name[:9]) - 1 : int(name[:9])])
        with_notes = [track for track in found if track in able]
        if len(with_notes) > 1:
            remarks.append(f"{len(with_notes)} tracks are called {with_notes[0].name!r}; the first is read.")
        if found:
            return (with_notes or found)[0], rest
    raise MidiError(
        "no_such_track",
        f"The set has no track {printable(part)[:60]!r}. It has: {_listed(live_set.tracks)}.",
        _HOW,
    )


def _readings(part: str) -> Sequence[tuple[str, str]]:
    """Return how a part may be meant: all of it the track's name, all but a beat, or the track before the clip."""
    start = _FROM_BEAT.search(part)
    bare = part[: start.start()] if start else part
    found = [(part, ""), (bare, start.group() if start else "")]
    try:
        track, *rest = parse_lane_path(bare)
    except MidiError:
        return found
    return [*found, (track, "/".join(rest) + (start.group() if start else ""))]


def _named_clip(track: LiveTrack, name: str, meter: Meter) -> LiveClip:
    """Return the clip of this name, or without a name in the slot or at the bar that is named; raises `MidiError`."""
    clips = [clip for clip in track.clips if clip.kind == "midi"]
    found = [clip for clip in clips if name_key(clip.label(meter)) == name_key(name)]
    if not found and name.strip().isascii() and name.strip().isdigit():
        found = [clip for clip in clips if clip.slot is not None and clip.slot + 1 == int(name.strip()[:9])]
    if found:
        return next((clip for clip in found if len(clip.note_data)), found[0])
    listed = ", ".join(repr(clip.label(meter)) for clip in clips[:_MAX_LISTED]) or "none"
    raise MidiError(
        "no_such_clip", f"The track {track.name!r} has no clip {printable(name)[:60]!r}. It has: {listed}.", _HOW
    )


def _note_clips(track: LiveTrack) -> list[LiveClip]:
    return [clip for clip in track.clips if clip.kind == "midi" and clip.place != "take" and len(clip.note_data)]


def _listed(tracks: Sequence[LiveTrack]) -> str:
    with_notes = [f"{number} {track.name!r}" for number, track in enumerate(tracks, 1) if _note_clips(track)]
    return ", ".join(with_notes[:_MAX_LISTED]) or "none with notes"


def _length_said(clip: LiveClip, label: str, loop_beats: Beats) -> list[str]:
    markers = clip.markers
    if not markers.looping and markers.end_marker - markers.start_marker < loop_beats:
        return [f"The clip {label!r} does not loop; the loop's last beats rest."]
    length = markers.loop_end - markers.loop_start
    if markers.looping and length > loop_beats:
        said = f"lasts {float(length):g} beats; the loop has the first {float(loop_beats):g}"
        return [f"The clip {label!r} {said}."]
    return []
