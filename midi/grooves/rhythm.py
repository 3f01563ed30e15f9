"""Notes as onsets: where something is struck, how strongly, and on what.

Drum groups follow the General MIDI Level 1 percussion key map (MMA, 1991), which Live's
drum racks share for the common pads (C1 kick, D1 snare, F#1 closed hat).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import MidiError
from ..notes import DRUM_CHANNEL, Note, audible
from ..tempo import Beats

Group = Literal["kick", "snare", "hat", "tom", "cymbal", "perc", "any"]
Kind = Literal["auto", "drums", "any"]

DRUM_GROUPS: dict[Group, frozenset[int]] = {
    "kick": frozenset({35, 36}),
    "snare": frozenset({37, 38, 39, 40}),  # side stick and clap take the snare's place
    "hat": frozenset({42, 44, 46}),
    "tom": frozenset({41, 43, 45, 47, 48, 50}),
    "cymbal": frozenset({49, 51, 52, 53, 55, 57, 59}),
}


LOWEST_KIT_PITCH, HIGHEST_KIT_PITCH = 35, 59  # kicks, snares, hats, toms and cymbals of General MIDI


@dataclass(frozen=True, slots=True, order=True)
class Onset:
    """One stroke at `beat` with `strength` 0..1 in a drum `group`, or in `any`."""

    beat: Beats
    strength: float
    group: Group = "any"


def is_kit(notes: Iterable[Note]) -> bool:
    """Whether notes that a producer gives as drums lie where a kit has them: all from B0 to B2, 35 to 59.

    Clips of Live have no channels, and not every exporter writes drums on channel 10.
    """
    pitches = {note.pitch for note in notes}
    return bool(pitches) and min(pitches) >= LOWEST_KIT_PITCH and max(pitches) <= HIGHEST_KIT_PITCH


def drum_group(pitch: int) -> Group:
    """Return the group of a General MIDI drum note; a pitch in no group is `perc`."""
    return next((group for group, pitches in DRUM_GROUPS.items() if pitch in pitches), "perc")


def onsets(notes: Iterable[Note], kind: Kind = "auto") -> tuple[Onset, ...]:
    """Return the onsets of a clip, sorted by beat; velocity 127 is strength 1.

    `drums` sorts every note into its drum group, `any` puts all into one group, `auto`
    takes the drum channel for drums and, where it is silent, all as `any`. Strokes of
    one group at one beat are one onset, the strongest. Raises `MidiError` if none is left.
    """
    sounding = audible(notes)
    on_drum_channel = tuple(note for note in sounding if note.channel == DRUM_CHANNEL)
    if kind == "auto" and on_drum_channel:
        sounding, kind = on_drum_channel, "drums"
    if not sounding:
        raise MidiError(
            "no_notes",
            "The clip holds no sounding notes, so there is no rhythm to follow.",
            "Choose a clip with notes that are not muted.",
        )
    strongest: dict[tuple[Beats, Group], float] = {}
    for note in sounding:
        where = (note.start, drum_group(note.pitch) if kind == "drums" else "any")
        strongest[where] = max(strongest.get(where, 0.0), note.velocity / 127)
    return tuple(sorted(Onset(beat, strength, group) for (beat, group), strength in strongest.items()))


def kind_of(notes: Iterable[Note], *, kit: bool) -> Kind:
    """Return how notes that are given as drums are sorted: by channel 10, else by pitch where they are a `kit`."""
    on_drum_channel = any(note.channel == DRUM_CHANNEL for note in notes)
    return "drums" if kit and not on_drum_channel else "auto"


def onset_envelope(
    strokes: Iterable[Onset], loop_beats: Beats, frames: int, *, width_frames: float = 1.0
) -> NDArray[np.float64]:
    """Return onset strength per frame, float64 [frames] in 0..1, on the circle of the loop.

    Each onset is a Gaussian of standard deviation `width_frames` at its own beat, between frames
    too; frame `i` stands at beat `i * loop_beats / frames`. Where onsets meet, the strongest counts.
    Onsets outside the loop are left out.
    """
    envelope = np.zeros(frames)
    position = np.arange(frames)
    for stroke in strokes:
        if not 0 <= stroke.beat < loop_beats:
            continue
        centre = float(stroke.beat * frames / loop_beats)
        distance = np.abs(position - centre)
        distance = np.minimum(distance, frames - distance)
        bump = stroke.strength * np.exp(-0.5 * (distance / width_frames) ** 2)
        np.maximum(envelope, bump, out=envelope)
    return envelope
