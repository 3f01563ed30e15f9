"""Files dropped on the page: bounded, read by the same readers as everywhere, and named by a handle, never by a path.

A handle is `upload:` and the digest of what the file holds, so that the same file twice is one file and a page cannot
name anything on this computer.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from engine.audio.wav import read_audio
from engine.errors import BadInputError
from engine.files import publish
from midi.curves.automation import flattened
from midi.live.set import Lane, LiveClip, LiveSet, lane_curve, read_set
from midi.notes import Note

from .cards import Json

_HANDLE = re.compile(r"upload:([0-9a-f]{32}\.[a-z0-9]{2,5})(#.*)?", re.DOTALL)
MAX_LANE_POINTS = 2_000  # of a lane that is pasted; a longer one is thinned by the page's own reader of beats
OUTLINE_COLUMNS = 400
MAX_NOTES = 20_000
MAX_LANES = 500
MAX_CLIPS = 500


class Kind(StrEnum):
    """The kinds of upload, by the ending of the name."""

    MIDI = "midi"
    SET = "set"
    AUDIO = "audio"


ENDINGS = {
    ".mid": Kind.MIDI,
    ".midi": Kind.MIDI,
    ".als": Kind.SET,
    ".wav": Kind.AUDIO,
    ".aif": Kind.AUDIO,
    ".aiff": Kind.AUDIO,
    ".flac": Kind.AUDIO,
    ".ogg": Kind.AUDIO,
    ".opus": Kind.AUDIO,
    ".mp3": Kind.AUDIO,
}


@dataclass(frozen=True, slots=True)
class Uploads:
    """The folder of uploads."""

    folder: Path

    def keep(self, name: str, data: bytes) -> Json:
        """Store an upload and return its handle and contents; raises `DittoError` for a file that cannot be used."""
        ending = Path(name[-200:].lower()).suffix
        kind = ENDINGS.get(ending)
        if kind is None:
            known = ", ".join(ENDINGS)
            raise BadInputError(f"{name[-80:]!r} is not a file for here.", remedy=f"Drop one of {known}.")
        stored = f"{hashlib.blake2b(data, digest_size=16).hexdigest()}{ending}"
        path = self.folder / stored
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            publish(path, data, overwrite=True, private=True)
        try:
            found = _READERS[kind](path)
        except Exception:
            path.unlink(missing_ok=True)
            raise
        return {"handle": f"upload:{stored}", "kind": kind, "name": Path(name).name[-120:], **found}

    def path(self, handle: str) -> str:
        """Return the path, with its `#part`, that a handle stands for; raises `BadInputError`."""
        found = _HANDLE.fullmatch(handle)
        path = self.folder / found[1] if found else None
        if found is None or path is None or not path.is_file():
            raise BadInputError("This file is no longer here.", remedy="Drop it on the page again.")
        return f"{path}{found[2] or ''}"

    def lane(self, handle: str, name: str, start: Fraction, beats: Fraction) -> Json:
        """Return the points of one lane of an uploaded set in `beats` quarter notes from `start` on, in its own unit.

        Raises `DittoError` for an unknown handle or lane.
        """
        live_set = read_set(self.path(handle))
        for lane in live_set.lanes:
            if lane.path == name:
                points = flattened(lane_curve(lane, start, start + beats)).points[:MAX_LANE_POINTS]
                low, high = lane.range
                return {
                    "points": [[float(point.beat), float(point.value)] for point in points],
                    "low": low,
                    "high": high,
                }
        raise BadInputError(f"The set has no lane {name[:120]!r}.")

    def clip(self, handle: str, number: int) -> Json:
        """Return the notes that a clip of an uploaded set plays from its launch; `number` is its place in the list.

        Raises `DittoError` for an unknown handle or number.
        """
        clips = _clips(read_set(self.path(handle)))
        if not 0 <= number < len(clips):
            raise BadInputError(f"The set has {len(clips)} clips with notes.", remedy="Choose one of the list.")
        return {"notes": _notes(note for note in clips[number][1].sounding_notes() if not note.muted)}


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


def _midi(path: Path) -> Json:
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    return {
        "tracks": [
            {
                "name": track.name,
                "end": float(track.end),
                "notes": _notes(track.notes),
            }
            for track in score.tracks
        ],
        "remarks": list(score.remarks),
    }


def _set(path: Path) -> Json:
    live_set = read_set(path)
    return {
        "tempo_bpm": float(live_set.tempo_bpm),
        "time_signature": str(live_set.meter),
        "lanes": [_lane(lane) for lane in live_set.lanes[:MAX_LANES]],
        "clips": [
            {
                "track": track,
                "name": clip.name,
                "notes": len(clip.note_data),
                "slot": clip.slot,
                "start": float(clip.start),
            }
            for track, clip in _clips(live_set)
        ],
    }


def _lane(lane: Lane) -> Json:
    drawn = lane.times[lane.times >= 0]
    return {
        "path": lane.path,
        "events": len(lane.times),
        "from_beat": float(drawn[0]) if len(drawn) else 0.0,
        "to_beat": float(drawn[-1]) if len(drawn) else 0.0,
    }


def _audio(path: Path) -> Json:
    samples, sample_rate = read_audio(path)
    columns = min(OUTLINE_COLUMNS, samples.shape[1])
    edges = np.linspace(0, samples.shape[1], columns + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(np.abs(samples).max(0), edges)
    return {
        "seconds": samples.shape[1] / sample_rate,
        "sample_rate": sample_rate,
        "outline": [round(float(peak), 3) for peak in peaks],
    }


_READERS: dict[Kind, Any] = {Kind.MIDI: _midi, Kind.SET: _set, Kind.AUDIO: _audio}
