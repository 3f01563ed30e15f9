"""Scores to Standard MIDI Files, through mido."""

import io

import mido

from ..errors import MidiError
from ..files.names import nfc
from ..tempo import MICROSECONDS_PER_MINUTE, beats_to_ticks
from .events import LARGEST
from .score import Score, ScoreTrack

# An event to write: tick, order within the tick (ends before starts), message.
_Event = tuple[int, int, mido.Message]


def write_midi(score: Score) -> bytes:
    """Return the bytes of a MIDI file with the score's notes, tempi, metres and text; names are UTF-8.

    Times are rounded to `score.ticks_per_beat`; a note keeps at least one tick. Raises `MidiError` for a note before
    the start, and for one past the longest time that the format can tell.
    """
    file = mido.MidiFile(type=score.type, ticks_per_beat=score.ticks_per_beat)
    for index, track in enumerate(score.tracks):
        events = _note_events(track, score.ticks_per_beat)
        if index == 0:
            events += _time_events(score)
        file.tracks.append(_delta_track(track, events, score.ticks_per_beat))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def _note_events(track: ScoreTrack, ticks_per_beat: int) -> list[_Event]:
    events: list[_Event] = []
    for note in track.notes:
        start = beats_to_ticks(note.start, ticks_per_beat)
        end = max(start + 1, beats_to_ticks(note.end, ticks_per_beat))
        if start < 0:
            raise MidiError(
                "note_before_start",
                f"A note starts at beat {float(note.start):g}; a MIDI file begins at 0.",
                "Move the notes first.",
            )
        how = {"channel": note.channel, "note": note.pitch}
        events.append((start, 1, mido.Message("note_on", velocity=note.velocity, **how)))
        events.append((end, 0, mido.Message("note_off", velocity=note.release_velocity, **how)))
    return events


def _time_events(score: Score) -> list[_Event]:
    events: list[_Event] = [(0, -2, mido.MetaMessage("text", text=_bytes(score.text)))] if score.text else []
    for tempo in score.tempos:
        microseconds = min(max(1, round(MICROSECONDS_PER_MINUTE / tempo.tempo_bpm)), 0xFFFFFF)
        message = mido.MetaMessage("set_tempo", tempo=microseconds)
        events.append((beats_to_ticks(tempo.beat, score.ticks_per_beat), -1, message))
    for change in score.meters:
        message = mido.MetaMessage(
            "time_signature", numerator=change.meter.numerator, denominator=change.meter.denominator
        )
        events.append((beats_to_ticks(change.beat, score.ticks_per_beat), -1, message))
    return events


def _delta_track(track: ScoreTrack, events: list[_Event], ticks_per_beat: int) -> mido.MidiTrack:
    written = mido.MidiTrack()
    if track.name:
        written.append(mido.MetaMessage("track_name", name=_bytes(track.name)))
    now = 0
    end = max((tick for tick, _, _ in events), default=0)
    end = max(end, beats_to_ticks(track.end, ticks_per_beat))
    if end > LARGEST:
        raise MidiError(
            "midi_too_long",
            f"A track ends at beat {end / ticks_per_beat:g}; a MIDI file ends by {LARGEST / ticks_per_beat:.0f}.",
            "Cut the track, or use fewer ticks a quarter note.",
        )
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        written.append(message.copy(time=tick - now))
        now = tick
    written.append(mido.MetaMessage("end_of_track", time=end - now))
    return written


def _bytes(text: str) -> str:
    """Return the characters that mido, which writes Latin-1, writes as the text's UTF-8 bytes."""
    return nfc(text).encode("utf-8", "replace").decode("latin1")
