"""The content of a Live set: tracks, devices, clips with notes, automation lanes.

Events and notes are kept as packed float64 and become exact values when asked for: a set may
hold a million of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..bars import Bars, split_position
from ..curves.bezier import Handles
from ..curves.curve import Breakpoint, Curve
from ..errors import MidiError
from ..notes import Note, passage, shift, sort_notes
from ..tempo import MAX_TEMPO_BPM, MAX_TEMPO_DECIMALS, MIN_TEMPO_BPM, Beats, Meter, MeterChange, exact
from .clip import ClipMarkers, clip_notes, passes

TrackKind = Literal["midi", "audio", "group", "return", "main"]
Place = Literal["session", "arrangement", "take"]

TEMPO_PARAMETER, METER_PARAMETER = "Tempo", "TimeSignature"  # of the main track's mixer
NOTE_FIELDS = 8  # pitch, time, duration, velocity, release velocity, enabled, probability, deviation


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One automated parameter.

    `times` (beats) and `values` (the parameter's own unit: volumes are linear amplitudes) are float64
    [events], as stored; the first lies long before the song. `steps` lanes hold, others run on straight
    or bent by `handles` of the event that begins a segment. `low`..`high` is the parameter's range
    where the set tells it. `clip` names the clip of a clip envelope, whose beats and `meter` are the clip's own, and
    `markers` are the clip's, or the envelope's own where it is not linked to the clip's loop.
    """

    track: str
    device: str
    parameter: str
    times: NDArray[np.float64]
    values: NDArray[np.float64]
    steps: bool
    handles: Mapping[int, Handles]
    low: float | None = None
    high: float | None = None
    clip: str | None = None
    markers: ClipMarkers | None = None
    meter: Meter | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Track, device and parameter, and the clip of a clip envelope."""
        parts = (self.track, self.device, self.parameter)
        return parts if self.clip is None else (*parts, self.clip)

    @property
    def path(self) -> str:
        """The lane's name as `find_lane` reads it."""
        return "/".join(quote(part) for part in self.parts)

    @property
    def range(self) -> tuple[float, float]:
        """The parameter's range, or the values' where the set does not tell it."""
        if self.low is not None and self.high is not None and self.low < self.high:
            return self.low, self.high
        return float(self.values.min()), float(self.values.max())


def quote(part: str) -> str:
    """Return a name as a part of a lane's path, in quotes where it must be."""
    is_position = split_position(part)[1] is not None  # behind a name it would be read as one
    if any(sign in part for sign in '/#"') or part != part.strip() or not part or is_position:
        return '"' + part.replace('"', '""') + '"'
    return part


def lane_curve(lane: Lane, from_beat: Beats, to_beat: Beats) -> Curve:
    """Return a lane between two beats, re-zeroed, in the parameter's own unit.

    Raises `MidiError` for an empty range and for events that are out of order.
    """
    if len(lane.times) == 0:
        raise MidiError("empty_lane", f"The lane {lane.path} holds no events.", "Draw it first.")
    if np.any(np.diff(lane.times) < 0):
        raise MidiError("wrong_order", f"The events of {lane.path} are not in order.", "Save the set again in Live.")
    first = max(0, int(np.searchsorted(lane.times, float(from_beat), side="right")) - 1)
    after = int(np.searchsorted(lane.times, float(to_beat), side="left")) + 1
    first = max(0, first - 1)  # a float may have been rounded to the border
    points = _steps(lane, first, after) if lane.steps else _lines(lane, first, after)
    return Curve(points).cut(from_beat, to_beat)


def played_curve(lane: Lane, length: Beats) -> Curve:
    """Return a clip envelope as the clip plays it for `length` beats from its launch, round and round where it loops.

    Without a clip it is the lane's first beats. Raises `MidiError` as `lane_curve` does.
    """
    if lane.markers is None:
        return lane_curve(lane, Fraction(0), length)
    points: list[Breakpoint] = []
    for at, first, last in passes(lane.markers, length):
        points += (replace(point, beat=point.beat + at) for point in lane_curve(lane, first, last).points)
    return Curve(tuple(points))


def _lines(lane: Lane, first: int, after: int) -> tuple[Breakpoint, ...]:
    times, values = lane.times[first:after].tolist(), lane.values[first:after].tolist()
    return tuple(
        Breakpoint(exact(time), value, lane.handles.get(first + index))
        for index, (time, value) in enumerate(zip(times, values, strict=True))
    )


def _steps(lane: Lane, first: int, after: int) -> tuple[Breakpoint, ...]:
    """Return a held lane as jumps."""
    points: list[Breakpoint] = []
    for time, value in zip(lane.times[first:after].tolist(), lane.values[first:after].tolist(), strict=True):
        if points:
            points.append(Breakpoint(exact(time), points[-1].value))
        points.append(Breakpoint(exact(time), value))
    return tuple(points)


@dataclass(frozen=True, slots=True)
class LiveDevice:
    """A device by the name that its title bar shows; `kind` is its name in the file."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class LiveClip:
    """A clip. `start`..`end` are its beats in the arrangement; a session clip has `slot`, from 0.

    One that is not `active` is switched off in Live, and its track does not play it.
    """

    name: str
    kind: Literal["midi", "audio"]
    place: Place
    start: Beats
    end: Beats
    markers: ClipMarkers
    meter: Meter
    slot: int | None
    note_data: NDArray[np.float64]  # [notes, NOTE_FIELDS]
    active: bool = True

    def label(self, bars: Bars) -> str:
        """Return its name; without one its slot or its place in a set of these bars: `slot 3`, `bar 33` or `bar 2.3`.

        Bars and the beats behind the dot count from 1, as Live shows them.
        """
        if self.name or self.slot is not None:
            return self.name or f"slot {(self.slot or 0) + 1}"
        return str(bars.position_of(self.start))

    @property
    def bars(self) -> Bars:
        """The bars of its own time."""
        return Bars.of(first=self.meter)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes in the clip's own time, muted ones too, sorted."""
        return sort_notes(_note(row) for row in self.note_data.tolist() if row[2] > 0)  # Live plays no other

    def sounding_notes(self, length: Beats | None = None, start: Beats | None = None) -> tuple[Note, ...]:
        """Return the notes that play from the clip's launch, or from its own beat `start`, from beat 0 on.

        `length` is in beats; without it an arrangement clip has its own, and a session clip is played once.
        """
        if length is None:
            own = self.markers
            one_pass = (own.loop_end if own.looping else own.end_marker) - own.start_marker
            length = self.end - self.start if self.place == "arrangement" else one_pass
        markers = self.markers if start is None else replace(self.markers, start_marker=start)
        return clip_notes(self.notes, markers, max(length, Fraction(0)))


def _note(row: list[float]) -> Note:
    pitch, time, duration, velocity, release, enabled, probability, deviation = row
    return Note(
        pitch=round(pitch),
        start=exact(time),
        duration=exact(duration),
        velocity=min(max(round(velocity), 1), 127),
        muted=not enabled,
        probability=probability,
        velocity_deviation=deviation,
        release_velocity=min(max(round(release), 0), 127),
    )


@dataclass(frozen=True, slots=True, eq=False)
class LiveTrack:
    """A track with its devices (those in racks too, in order), clips and lanes."""

    name: str
    kind: TrackKind
    devices: tuple[LiveDevice, ...]
    clips: tuple[LiveClip, ...]
    lanes: tuple[Lane, ...]

    @property
    def note_clips(self) -> list[LiveClip]:
        """The clips that hold notes, without those on take lanes."""
        return [clip for clip in self.clips if clip.kind == "midi" and clip.place != "take" and len(clip.note_data)]

    def arrangement_notes(self, from_beat: Beats, to_beat: Beats, *, chase: bool = False) -> tuple[Note, ...]:
        """Return the notes that the arrangement plays between two beats, from 0 on; see `midi.notes.passage`."""
        found: list[Note] = []
        for clip in self.clips:
            if clip.place == "arrangement" and clip.active and clip.start < to_beat and clip.end > from_beat:
                found += shift(clip.sounding_notes(), clip.start)
        return passage(found, from_beat, to_beat, chase=chase)


@dataclass(frozen=True, slots=True, eq=False)
class LiveSet:
    """A set: `creator` is the Live that saved it; the last track is the main one.

    `tempo_bpm` is the tempo when it was saved, as the file has it.

    `remarks` are sentences on parts that were replaced or left out in reading.
    """

    creator: str
    tempo_bpm: Fraction
    meter: Meter
    tracks: tuple[LiveTrack, ...]
    remarks: tuple[str, ...] = ()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """All lanes, track by track."""
        return tuple(lane for track in self.tracks for lane in track.lanes)

    @property
    def typed_tempo_bpm(self) -> Fraction:
        """The tempo that was typed: Live keeps 120 BPM in single precision, where it may be 119.999992."""
        return round(self.tempo_bpm, MAX_TEMPO_DECIMALS)

    def tempo_at(self, beat: Beats) -> Fraction:
        """Return the arrangement's tempo at `beat`, as it is automated there."""
        drawn = self._song_lane(TEMPO_PARAMETER)
        if drawn is None:
            return self.typed_tempo_bpm
        tempo_bpm = lane_curve(drawn, beat, beat + 1).points[0].value
        return exact(round(min(max(tempo_bpm, float(MIN_TEMPO_BPM)), float(MAX_TEMPO_BPM)), MAX_TEMPO_DECIMALS))

    @property
    def bars(self) -> Bars:
        """The arrangement's bars, whose signature may change."""
        drawn = self._song_lane(METER_PARAMETER)
        changes = [] if drawn is None else zip(drawn.times.tolist(), drawn.values.tolist(), strict=True)
        meters = ((exact(time), meter) for time, value in changes if (meter := stored_meter(value)) is not None)
        return Bars.of((MeterChange(beat, meter) for beat, meter in meters), self.meter)

    def _song_lane(self, parameter: str) -> Lane | None:
        """Return the automation of the song's tempo or signature, None where it stays the same."""
        main = (lane for track in self.tracks if track.kind == "main" for lane in track.lanes)
        return next((lane for lane in main if lane.parameter == parameter and len(lane.times) > 1), None)


def meter_of_value(value: float) -> Meter:
    """Return the metre that Live stores as (numerator - 1) + 99 * log2(denominator)."""
    meter = stored_meter(value)
    if meter is None:
        raise MidiError(
            "bad_meter", f"The set's time signature is stored as {value:g}, which is none.", "Save it again."
        )
    return meter


def stored_meter(value: float) -> Meter | None:
    """Return the metre of such a number, None where it is none."""
    power, numerator = divmod(round(value), 99)
    return Meter(numerator + 1, 2**power) if 0 <= power <= 6 else None
