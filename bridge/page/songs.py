"""What a song that was dropped on the page holds: tracks of a MIDI file, clips and lanes of a Live set."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

from engine.errors import BadInputError
from midi.bars import Position
from midi.live.lane_path import is_set
from midi.live.note_file import track_notes
from midi.live.notes_read import likeliest_tune
from midi.live.set import Lane, LiveClip, LiveSet, read_set
from midi.melody import pitched
from midi.notes import DRUM_CHANNEL, Note, audible
from midi.tempo import Meter, typed_tempo

from ..requests.live_lane import as_share, as_target, start_beat
from ..requests.saved_lane import sparse
from ..requests.song import score_at, set_at
from .cards import Json

MAX_NOTES = 20_000
MAX_LANES = 500
MAX_CLIPS = 500


def midi_contents(path: Path) -> Json:
    """Return tempo, time signature and tracks of a MIDI file; raises `DittoError` for one that cannot be read."""
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    first = next((change.tempo_bpm for change in score.tempos if change.beat == 0), None)
    return {
        "tempo_bpm": None if first is None else float(typed_tempo(first)),
        "time_signature": str(score.meters[0].meter) if score.meters else None,
        "tracks": [{"name": track.name, "notes": len(track.notes)} for track in score.tracks],
    }


def set_contents(path: Path) -> Json:
    """Return tempo, time signature, lanes and clips of a Live set; raises `DittoError` for a broken one."""
    live_set = read_set(path)
    bars = live_set.bars
    return {
        "tempo_bpm": float(live_set.typed_tempo_bpm),
        "time_signature": str(live_set.meter),
        "lanes": [_lane(lane) for lane in live_set.lanes[:MAX_LANES]],
        "clips": [
            {
                "track": track,
                "name": clip.label(bars),
                "notes": len(clip.note_data),
            }
            for track, clip in _clips(live_set)
        ],
    }


def _lane(lane: Lane) -> Json:
    drawn = lane.times[lane.times >= 0]
    return {
        "path": lane.path,
        "of_clip": lane.clip is not None,  # whose bars are its own, not the song's
        "events": len(lane.times),
        "from_beat": float(drawn[0]) if len(drawn) else 0.0,
        "to_beat": float(drawn[-1]) if len(drawn) else 0.0,
    }


def song(path: Path, start: Position) -> Json:
    """Return tempo and time signature of a song at a position, null where it tells none; raises `DittoError`."""
    if is_set(path):
        live_set = read_set(path)
        found = set_at(live_set, live_set.bars.beat_of(start))
    else:
        from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

        score = read_midi(path)
        found = score_at(score, score.bars().beat_of(start))
    return {
        "tempo_bpm": None if found.tempo_bpm is None else float(found.tempo_bpm),
        "time_signature": None if found.meter is None else str(found.meter),
    }


def lane(path: Path, name: str, start: Position | None, beats: Fraction) -> Json:
    """Return one lane of a set in `beats` quarter notes from `start` on: [beat, dB] and [beat, 0..1].

    `levels` are what an intensity of that lane is everywhere, `shares` parts of its range. A clip's envelope
    without a start is as the clip plays it. Raises `DittoError` for an unknown lane.
    """
    live_set = read_set(path)
    for one in live_set.lanes:
        if one.path == name:
            first = start_beat(live_set, one, start)
            level, shares = sparse(as_target(one, first, beats)), sparse(as_share(one, first, beats))
            low, high = (level.low, level.high) if level.unit == "unit" else (0.0, 1.0)
            return {
                "levels": [[float(point.beat), low + (high - low) * point.value] for point in level.points],
                "shares": [[float(point.beat), point.value] for point in shares.points],
            }
    raise BadInputError(f"The set has no lane {name[:120]!r}.")


def tune(path: Path, beats: Fraction, meter: Meter, start: Position | None = None, track: int | None = None) -> Json:
    """Return what a MIDI file plays in a loop of `beats` quarter notes, from `start` on, without drums.

    `track` is its place in the file, from 0; without one it is the first with pitched notes that is called like a tune,
    else the first with any. The answer has its place and its name. Raises `DittoError`.
    """
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    tunes = [(place, one.name) for place, one in enumerate(score.tracks) if _has_tune(one.notes)]
    if track is None and not tunes:
        raise BadInputError(f"{path.name} holds no notes but drums.", remedy="Choose a file with a melody.")
    if track is None:
        track, _name = likeliest_tune(tunes)
    if not 0 <= track < len(score.tracks):
        raise BadInputError(f"{path.name} has {len(score.tracks)} tracks.", remedy="Choose one of the list.")
    found = track_notes(path, score, track + 1, beats, meter, start)
    line = pitched(found.notes)
    return {
        "notes": _notes(audible(line.notes)),
        "place": track,
        "track": score.tracks[track].name,
        "remarks": [*found.remarks, *line.remarks],
    }


def clip(path: Path, number: int, beats: Fraction, start: Position | None = None) -> Json:
    """Return the notes that a clip of a set plays in `beats` quarter notes.

    `number` is its place in the list, `start` a position of its own, by default where it is launched. Raises
    `DittoError` for an unknown number.
    """
    clips = _clips(read_set(path))
    if not 0 <= number < len(clips):
        raise BadInputError(f"The set has {len(clips)} clips with notes.", remedy="Choose one of the list.")
    chosen = clips[number][1]
    first = None if start is None else chosen.bars.beat_of(start)
    return {"notes": _notes(audible(chosen.sounding_notes(beats, first)))}


def _notes(notes: Iterable[Note]) -> list[list[float]]:
    return [[note.pitch, float(note.start), float(note.duration), note.velocity] for note in islice(notes, MAX_NOTES)]


def _clips(live_set: LiveSet) -> list[tuple[str, LiveClip]]:
    """Return the clips with notes, each with its track's name."""
    return [
        (track.name, clip)
        for track in live_set.tracks
        for clip in track.clips
        if clip.kind == "midi" and len(clip.note_data)
    ][:MAX_CLIPS]


def _has_tune(notes: Sequence[Note]) -> bool:
    return any(note.channel != DRUM_CHANNEL for note in pitched(notes).notes)
