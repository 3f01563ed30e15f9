"""Tempo and time signature of the song that a melody, chords, a rhythm or a curve are taken from."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from engine.request import LoopRequest
from midi.bars import Position, split_position
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.live.lane_path import is_set, parse_lane_path
from midi.live.note_file import holds_notes
from midi.live.set import read_set
from midi.tempo import Meter, typed_tempo

from .targets import Say

_NOTES, _LANES = ("melody", "chords", "rhythm"), ("intensity", "brightness")
_PARTS_OF_A_LANE = 3  # track, device, parameter; a fourth is a clip
_DEFAULTS = LoopRequest(seed=0)


class _Song(NamedTuple):
    """What a file tells of its song where a part of it begins; None where it tells nothing."""

    tempo_bpm: Fraction | None
    meter: Meter | None


def of_song(settings: Mapping[str, str], values: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Return tempo and time signature of the first Live set or MIDI file that `settings` name, if `values` have none.

    `say` gets a sentence where they are not what a loop has anyway. A file that cannot be read is reported where its
    notes or its lane are read.
    """
    if {"tempo_bpm", "time_signature"} <= values.keys():
        return {}
    named = [(name, settings[name]) for name in (*_NOTES, *_LANES) if name in settings]
    for name, text in named:
        bare, position = split_position(text)
        path, part = split_file_part(bare)
        if not holds_notes(path) or (name in _LANES and not is_set(path)):
            continue
        try:
            song = _in_set(path, part, position, name in _LANES) if is_set(path) else _in_midi(path, position)
        except (MidiError, OSError):
            return {}
        found: dict[str, Any] = {"tempo_bpm": song.tempo_bpm, "time_signature": song.meter}
        found = {key: value for key, value in found.items() if value is not None and key not in values}
        say(_said(path.name, found))
        return found
    return {}


def _in_set(path: Path, part: str, position: Position | None, is_lane: bool) -> _Song:
    if path.suffix.lower() != ".als":  # a clip file does not tell
        return _Song(None, None)
    live_set = read_set(path)
    of_clip = len(parse_lane_path(part)) > (_PARTS_OF_A_LANE if is_lane else 1)
    if position is None or of_clip:  # a position behind a clip is none of the song
        return _Song(live_set.tempo_bpm, live_set.meter)
    start = live_set.bars.beat_of(position)
    return _Song(live_set.tempo_at(start), live_set.bars.meter_at(start))


def _in_midi(path: Path, position: Position | None) -> _Song:
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    start = Fraction(0) if position is None else score.bars().beat_of(position)
    tempi = [change.tempo_bpm for change in score.tempos if change.beat <= start]
    return _Song(typed_tempo(tempi[-1]) if tempi else None, score.bars().meter_at(start) if score.meters else None)


def _said(name: str, found: Mapping[str, Any]) -> str:
    """Return the sentence on what a song has otherwise than a loop of which nothing is asked, empty for nothing."""
    parts = []
    if (tempo_bpm := found.get("tempo_bpm")) not in (None, _DEFAULTS.tempo_bpm):
        parts.append(f"at {float(tempo_bpm):g} BPM")
    if (meter := found.get("time_signature")) not in (None, _DEFAULTS.meter):
        parts.append(f"in {meter}")
    return f"{name} is {' and '.join(parts)}, and so the loop is made." if parts else ""
