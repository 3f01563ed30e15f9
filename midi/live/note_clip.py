"""The notes of a Live set's clip: which one `SET.als#Track`, `SET.als#Track/Clip` and `CLIP.alc` mean.

The arrangement is read where it has notes there, from its start or the position behind an `@` on; else the first clip
of the session that has notes. Where there was a choice, a remark names the clip. A position behind a clip's name is one
of the clip's own.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..bars import Bars, Position, split_position
from ..errors import MidiError
from ..files.names import name_key, printable
from ..grooves.rhythm import is_kit
from ..notes import Note, audible, passage, shift
from ..tempo import Beats, Meter
from .lane_path import parse_lane_path
from .model import LiveClip, LiveSet, LiveTrack
from .notes_read import NotesRead, meter_said, no_notes_from
from .set import read_set

_DRUM_RACK = "DrumGroupDevice"
_MAX_LISTED = 12
_HOW = "Write SET.als#Track or SET.als#Track/Clip."


def clip_piece(
    path: Path, part: str, loop_beats: Beats, meter: Meter | None = None, *, chase: bool = False
) -> NotesRead:
    """Return the notes that the clip, or the track in the arrangement, plays in a loop; raises `MidiError`.

    With `chase` notes that began before the part of the arrangement sound on into it. `meter` is the loop's, to say
    where the set's is another.
    """
    live_set = read_set(path)
    remarks = list(live_set.remarks)
    track, rest, position = _track(live_set, part, remarks)
    bars, kit = live_set.bars, any(device.kind == _DRUM_RACK for device in track.devices)
    clip = _clip(track, rest, position, bars, loop_beats, remarks)
    if clip is None:
        found, said = _arranged(track, bars, position, loop_beats, meter, chase=chase and not kit)
        return NotesRead(found, (*remarks, *said), kit or is_kit(found))
    label, start = clip.label(bars), None if position is None else clip.bars.beat_of(position)
    notes = clip.sounding_notes(loop_beats, start)
    if start is not None and not notes:
        starts = (note.start for note in clip.notes)
        raise no_notes_from(f"The clip {label!r} plays no notes", clip.bars, start, loop_beats, starts)
    remarks += meter_said(f"The clip {label!r}", clip.meter, meter)
    remarks += _length_said(clip, label, loop_beats, start)
    return NotesRead(notes, tuple(remarks), kit or is_kit(notes))


def set_start(live_set: LiveSet, part: str, loop_beats: Beats) -> Beats | None:
    """Return the beat of the arrangement whose tempo and signature are those of a part, None for a session's clip.

    That is a position, the clip's start, or the bar of the first note. Raises `MidiError`.
    """
    track, rest, position = _track(live_set, part, [])
    clip = _clip(track, rest, position, live_set.bars, loop_beats, [])
    if clip is None:
        bars = live_set.bars
        return bars.bar_of(_first(track)) if position is None else bars.beat_of(position)
    return clip.start if clip.slot is None else None


def _clip(
    track: LiveTrack, name: str, position: Position | None, bars: Bars, loop_beats: Beats, remarks: list[str]
) -> LiveClip | None:
    """Return the clip of a track that is read, None where the arrangement is; raises `MidiError`."""
    if name.strip():
        return _named_clip(track, name, bars)
    clips = sorted((c for c in track.note_clips if c.place == "session"), key=lambda clip: not clip.active)
    if position is not None or not clips or track.arrangement_notes(Fraction(0), loop_beats):
        return None
    label = clips[0].label(bars)
    if len(clips) > 1:
        others = ", ".join(repr(other.label(bars)) for other in clips[1 : _MAX_LISTED + 1])
        remarks.append(f"Of {track.name!r} the clip {label!r} is read; there are {others}, too.")
    if not clips[0].active:
        remarks.append(f"The clip {label!r} is switched off in Live; it is read all the same.")
    return clips[0]


def _arranged(
    track: LiveTrack,
    bars: Bars,
    position: Position | None,
    loop_beats: Beats,
    meter: Meter | None,
    *,
    chase: bool,
) -> tuple[tuple[Note, ...], list[str]]:
    """Return the arrangement's notes from a position on, and sentences on them; raises `MidiError` without notes.

    Without a position it is read from its start on, and where nothing plays there from the bar of its first note on.
    """
    said: list[str] = []
    if position is None:
        first = _first(track)
        start, heard = bars.begin(first, loop_beats), bars.bar_of(first)
    else:
        start = heard = bars.beat_of(position)
    notes = track.arrangement_notes(start, start + loop_beats, chase=chase)
    if position is None and start > 0:
        where = f"{bars.position_of(start)} of the arrangement"
        said.append(f"{track.name!r} is read from {where} on, where its first note is.")
    said += meter_said("The set", bars.meter_from(heard), meter)
    said += _switched_off(track, bars, start, start + loop_beats)
    if not notes:
        starts = [note.start for note in _all_notes(track)]
        raise no_notes_from(f"The track {track.name!r} plays no notes", bars, start, loop_beats, starts)
    return notes, said


def _first(track: LiveTrack) -> Beats:
    """Return where the first note of the arrangement begins, 0 without any; no clip behind it is read."""
    played = (clip for clip in track.note_clips if clip.place == "arrangement" and clip.active)
    first: Beats | None = None
    for clip in sorted(played, key=lambda one: one.start):
        if first is not None and first <= clip.start:
            break
        notes = passage(shift(audible(clip.sounding_notes()), clip.start), Fraction(0), clip.end)
        if notes and (first is None or notes[0].start < first):
            first = notes[0].start
    return first or Fraction(0)


def _all_notes(track: LiveTrack) -> tuple[Note, ...]:
    """Return the notes of the whole arrangement."""
    end = max((clip.end for clip in track.note_clips if clip.place == "arrangement"), default=Fraction(0))
    return track.arrangement_notes(Fraction(0), end)


def _switched_off(track: LiveTrack, bars: Bars, from_beat: Beats, to_beat: Beats) -> list[str]:
    """Return a sentence on clips with notes in a range of the arrangement that are switched off, if there are any."""
    clips = [c for c in track.note_clips if c.place == "arrangement" and c.start < to_beat and c.end > from_beat]
    off = [clip.label(bars) for clip in clips if not clip.active]
    names = ", ".join(map(repr, off[:_MAX_LISTED]))
    return [f"Clips that are switched off in Live are left out: {names}."] if off else []


def _track(live_set: LiveSet, part: str, remarks: list[str]) -> tuple[LiveTrack, str, Position | None]:
    """Return the track that `part` names, and the clip and the position behind its name."""
    able = [track for track in live_set.tracks if track.note_clips]
    bare = part.strip()
    is_named = any(name_key(track.name) == name_key(part) for track in live_set.tracks)  # a track may be called @
    if not bare or (bare.startswith("@") and not is_named):
        if len(able) == 1:
            return able[0], *split_position(bare)
        what = "several tracks" if able else "no track"
        raise MidiError("no_such_track", f"The set has {what} with notes. It has: {_listed(live_set.tracks)}.", _HOW)
    readings = _readings(part)
    for number, (name, rest, position) in enumerate(readings, 1):
        found = [track for track in live_set.tracks if name_key(track.name) == name_key(name)]
        if not found and name.strip().isascii() and name.strip().isdigit():
            found = list(live_set.tracks[int(name[:9]) - 1 : int(name[:9])])
        with_notes = [track for track in found if track in able]
        if not found or (number < len(readings) and rest and not _has_clip(found, rest, live_set.bars)):
            continue
        if len(with_notes) > 1:
            remarks.append(f"{len(with_notes)} tracks are called {with_notes[0].name!r}; the first is read.")
        return (with_notes or found)[0], rest, position
    raise MidiError(
        "no_such_track",
        f"The set has no track {printable(part)[:60]!r}. It has: {_listed(live_set.tracks)}.",
        _HOW,
    )


def _readings(part: str) -> Sequence[tuple[str, str, Position | None]]:
    """Return how a part may be meant: all of it the track's name, all but a position, or the track before the clip.

    A clip, too, may be called @.
    """
    bare, position = split_position(part)
    found: list[tuple[str, str, Position | None]] = [(part, "", None), (bare, "", position)]
    for text, behind in {part: None, bare: position}.items():
        try:
            track, *rest = parse_lane_path(text)
        except MidiError:
            continue
        found.append((track, "/".join(rest), behind))
    return found


def _has_clip(tracks: Sequence[LiveTrack], name: str, bars: Bars) -> bool:
    return any(name_key(clip.label(bars)) == name_key(name) for track in tracks for clip in track.clips)


def _named_clip(track: LiveTrack, name: str, bars: Bars) -> LiveClip:
    """Return the clip of this name, or without a name in the slot or at the bar that is named; raises `MidiError`."""
    clips = [clip for clip in track.clips if clip.kind == "midi"]
    found = [clip for clip in clips if name_key(clip.label(bars)) == name_key(name)]
    if not found and name.strip().isascii() and name.strip().isdigit():
        found = [clip for clip in clips if clip.slot is not None and clip.slot + 1 == int(name.strip()[:9])]
    if found:
        return next((clip for clip in found if len(clip.note_data)), found[0])
    listed = ", ".join(repr(clip.label(bars)) for clip in clips[:_MAX_LISTED]) or "none"
    raise MidiError(
        "no_such_clip", f"The track {track.name!r} has no clip {printable(name)[:60]!r}. It has: {listed}.", _HOW
    )


def _listed(tracks: Sequence[LiveTrack]) -> str:
    with_notes = [f"{number} {track.name!r}" for number, track in enumerate(tracks, 1) if track.note_clips]
    return ", ".join(with_notes[:_MAX_LISTED]) or "none with notes"


def _length_said(clip: LiveClip, label: str, loop_beats: Beats, start: Beats | None) -> list[str]:
    """Return a sentence on a clip that is shorter or longer than the loop, read from its own beat `start` on."""
    markers = clip.markers
    if not markers.looping:
        rests = markers.end_marker - (markers.start_marker if start is None else start) < loop_beats
        return [f"The clip {label!r} does not loop; the loop's last beats rest."] if rests else []
    length = markers.loop_end - markers.loop_start
    if length <= loop_beats or (start is not None and start >= markers.loop_end):
        return []
    which = f"the first {float(loop_beats):g}"
    if start is not None:
        which = f"{float(loop_beats):g} from {clip.bars.position_of(start)} on"
    return [f"The clip {label!r} lasts {float(length):g} beats; the loop has {which}."]
