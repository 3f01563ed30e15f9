"""Melody, chords and drums of a take, transcribed into a MIDI file for the producer's own instruments.

The transcription uses detectors that no search optimises: it may differ from the targets, and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from engine.audio.reading import Samples
from engine.events import Sound, Stems
from engine.metrics.hearing.transcription import DetectedChord, DetectedHit, DetectedNote, chords_of, hits_of, melody_of
from engine.request import Layer, LoopRequest
from midi.notes import DRUM_CHANNEL, Note, sort_notes
from midi.smf.score import DEFAULT_TICKS_PER_BEAT, Score, ScoreTrack
from midi.smf.write import write_midi
from midi.tempo import MeterChange, TempoChange

from .delivery import samples_of

LOWEST_ROOT = 48  # C2 as Live counts: triads lie in the octave above it
CHORD_VELOCITY = 80
HIT_BEATS = Fraction(1, 8)
PITCHES = {"kick": 36, "snare": 38, "hat": 42}  # General MIDI, as Live's drum racks
THIRDS = {"major": 4, "minor": 3}
_PARTS = {
    "melody": (Layer.LEAD,),
    "chords": (Layer.CHORDS, Layer.BASS),
    "drums": (Layer.DRUMS, Layer.PERCUSSION),
}  # fmt: skip
"""The layers from which each part is transcribed; it is there if the first of them is."""


@dataclass(frozen=True, slots=True)
class TranscribedMidi:
    """The bytes of a MIDI file, and a sentence on its content."""

    data: bytes
    sentence: str


def transcribed_midi(request: LoopRequest, sound: Sound, stems: Stems | None) -> TranscribedMidi:
    """Return the notes detected in a take: in its stems where there are some, else in the mix."""
    tracks = tuple(_track(part, notes, request) for part, notes in _heard(request, sound, stems).items())
    where = "stems" if stems is not None else "mix"
    empty = [track.name.partition(" ")[0] for track in tracks if not track.notes]
    text = f"Heard by Ditto Live in the {where} of a finished loop. It is a transcription, not what was asked for."
    score = Score(
        tracks=tuple(track for track in tracks if track.notes) or (ScoreTrack("nothing (heard)", (), request.beats),),
        tempos=(TempoChange(Fraction(0), request.tempo_bpm),),
        meters=(MeterChange(Fraction(0), request.meter),),
        text=text,
    )
    said = ", ".join(f"{len(track.notes)} notes of {track.name.partition(' ')[0]}" for track in tracks if track.notes)
    missing = f"; no {' or '.join(empty)} is heard clearly" if empty else ""
    return TranscribedMidi(write_midi(score), f"MIDI is what is heard in the {where}: {said or 'nothing'}{missing}.")


def _heard(request: LoopRequest, sound: Sound, stems: Stems | None) -> dict[str, tuple[Note, ...]]:
    """Return the notes of each part that may be there."""
    sounds = _sounds(sound, stems)
    rate, circular = sound.sample_rate, request.loop
    found: dict[str, tuple[Note, ...]] = {}
    if "melody" in sounds:
        found["melody"] = _line(melody_of(sounds["melody"], rate, circular=circular), request)
    if "chords" in sounds:
        found["chords"] = _triads(chords_of(sounds["chords"], rate, request.bars), request)
    if "drums" in sounds:
        found["drums"] = _hits(hits_of(sounds["drums"], rate, circular=circular), request)
    return found


def _sounds(sound: Sound, stems: Stems | None) -> dict[str, Samples]:
    """Return the sound from which each part is transcribed: its layers as far as the mix has them, or the mix."""
    if stems is None:
        return dict.fromkeys(_PARTS, samples_of(sound))
    detected = {layer: samples_of(one) for layer, one in stems.sounds.items() if layer not in stems.muted}
    return {
        part: np.sum([detected[layer] for layer in layers if layer in detected], axis=0)
        for part, layers in _PARTS.items()
        if layers[0] in detected
    }


def _track(part: str, notes: tuple[Note, ...], request: LoopRequest) -> ScoreTrack:
    return ScoreTrack(f"{part} (heard)", notes, request.beats)


def _line(detected: Sequence[DetectedNote], request: LoopRequest) -> tuple[Note, ...]:
    return _notes(
        [(note.pitch, note.start_seconds, note.end_seconds, _velocity(note.strength), 0) for note in detected], request
    )


def _triads(detected: Sequence[DetectedChord], request: LoopRequest) -> tuple[Note, ...]:
    rows = []
    for chord in detected:
        for step in (0, THIRDS[chord.quality], 7):
            pitch = LOWEST_ROOT + chord.root + step
            rows.append((pitch, chord.start_seconds, chord.end_seconds, CHORD_VELOCITY, 0))
    return _notes(rows, request)


def _hits(detected: Sequence[DetectedHit], request: LoopRequest) -> tuple[Note, ...]:
    length = float(HIT_BEATS * 60 / request.tempo_bpm)
    return _notes(
        [(PITCHES[hit.group], hit.seconds, hit.seconds + length, _velocity(hit.strength), DRUM_CHANNEL)
         for hit in detected],
        request,
    )  # fmt: skip


def _notes(rows: Sequence[tuple[int, float, float, int, int]], request: LoopRequest) -> tuple[Note, ...]:
    """Return rows of pitch, start and end in seconds, velocity and channel as notes on ticks within the loop."""
    notes = []
    for pitch, start_seconds, end_seconds, velocity, channel in rows:
        start, end = _beat(start_seconds, request) % request.beats, min(_beat(end_seconds, request), request.beats)
        length = max(end - start, Fraction(1, DEFAULT_TICKS_PER_BEAT))
        notes.append(Note(pitch=pitch, start=start, duration=length, velocity=velocity, channel=channel))
    return sort_notes(notes)


def _beat(seconds: float, request: LoopRequest) -> Fraction:
    return Fraction(round(seconds * float(request.tempo_bpm) / 60 * DEFAULT_TICKS_PER_BEAT), DEFAULT_TICKS_PER_BEAT)


def _velocity(strength: float) -> int:
    return max(1, min(127, round(127 * strength**0.5)))
