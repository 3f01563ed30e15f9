"""Tempo and time signature of the song that a melody, chords, a rhythm or a curve are taken from."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.request import LoopRequest
from midi.errors import MidiError
from midi.files.file_part import split_file_part
from midi.live.lane_path import is_set
from midi.live.note_clip import set_start
from midi.live.note_file import holds_notes, score_start
from midi.live.set import LiveSet, read_set
from midi.tempo import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Beats, Meter, loop_beats, typed_tempo

from .live_lane import LaneReference, lane_song_start
from .targets import Say

if TYPE_CHECKING:
    from midi.smf.score import Score

_NOTES, _LANES = ("melody", "chords", "rhythm"), ("intensity", "brightness")
_DEFAULTS = LoopRequest(seed=0)


class Song(NamedTuple):
    """What a file tells of its song where a part of it begins; None where it tells nothing."""

    tempo_bpm: Fraction | None
    meter: Meter | None


def of_song(settings: Mapping[str, str], values: Mapping[str, Any], say: Say, *, tempo: bool = True) -> dict[str, Any]:
    """Return tempo and time signature of the Live sets and MIDI files that `settings` name, if `values` have none.

    The first that tells one of them counts. They are those of the song where the part that is named begins. Without
    `tempo` only the time signature is asked for. `say` gets a sentence where they are not what a loop has anyway. A
    file that cannot be read is reported where its notes or its lane are read.
    """
    wanted = [name for name in ("tempo_bpm", "time_signature") if name not in values and (tempo or name != "tempo_bpm")]
    found: dict[str, Any] = {}
    for name in (*_NOTES, *_LANES):
        path, part = split_file_part(settings.get(name, ""))
        if not set(wanted) - found.keys() or not holds_notes(path) or (name in _LANES and not is_set(path)):
            continue
        try:
            song = _song(path, part, settings[name], name, values)
        except (MidiError, OSError):
            break
        told: dict[str, Any] = {"tempo_bpm": song.tempo_bpm, "time_signature": song.meter}
        new = {key: told[key] for key in wanted if told[key] is not None and key not in found}
        if (bpm := new.get("tempo_bpm")) is not None and not MIN_TEMPO_BPM <= bpm <= MAX_TEMPO_BPM:
            new.pop("tempo_bpm")
            say(f"The tempo of {path.name} is not used: {float(bpm):.7g} BPM is outside 20 to 999.")
        say(_said(path.name, new))
        found |= new
    return found


def _song(path: Path, part: str, text: str, setting: str, values: Mapping[str, Any]) -> Song:
    """Return what a song tells where the loop begins to follow it; raises `MidiError`."""
    bars = values.get("bars", _DEFAULTS.bars)
    if is_set(path):
        if path.suffix.lower() != ".als":  # a clip file does not tell
            return Song(None, None)
        live_set = read_set(path)
        length = loop_beats(bars, values.get("time_signature", live_set.bars.meter_from(Fraction(0))))
        is_lane = setting in _LANES
        start = lane_song_start(LaneReference.parse(text)) if is_lane else set_start(live_set, part, length)
        if start is None:
            return Song(live_set.typed_tempo_bpm, live_set.meter)
        return set_at(live_set, start)
    from midi.smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    return score_at(score, score_start(score, part, chase=setting != "rhythm"))


def set_at(live_set: LiveSet, beat: Beats) -> Song:
    """Return what the arrangement of a set has at a beat."""
    return Song(live_set.tempo_at(beat), live_set.bars.meter_from(beat))


def score_at(score: "Score", beat: Beats) -> Song:
    """Return what a MIDI file has at a beat."""
    tempi = [change.tempo_bpm for change in score.tempos if change.beat <= beat]
    return Song(typed_tempo(tempi[-1]) if tempi else None, score.bars().meter_from(beat) if score.meters else None)


def _said(name: str, found: Mapping[str, Any]) -> str:
    """Return the sentence on what a song has otherwise than a loop of which nothing is asked, empty for nothing."""
    parts = []
    if (tempo_bpm := found.get("tempo_bpm")) not in (None, _DEFAULTS.tempo_bpm):
        parts.append(f"at {float(tempo_bpm):g} BPM")
    if (meter := found.get("time_signature")) not in (None, _DEFAULTS.meter):
        parts.append(f"in {meter}")
    return f"{name} is {' and '.join(parts)}, and so the loop is made." if parts else ""
