"""One track's events as notes, tempi and signatures.

A note-off ends the oldest sounding note of its pitch and channel, so overlapping notes survive a round trip. Where
a pitch is struck more often than it is ended, each strike ends the note before it, as a key that is struck again
does; a note that still sounds at the end ends with the track.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from ..files.names import decoded_name
from ..notes import DRUM_CHANNEL, Note, sort_notes
from ..tempo import MICROSECONDS_PER_MINUTE, Beats, Meter, MeterChange, TempoChange, ticks_to_beats
from .events import INSTRUMENT, METER, NAME, TEMPO, Event
from .score import ScoreTrack
from .wheels import Wheels

_MANY_CHANNELS = 3  # in one track without a program: colours or voices, not instruments
_RPN_FINE, _DATA_ENTRY = 100, 6  # controllers
_BEND_RANGE, _MPE_ZONE = 0, 6  # registered parameters: the semitones of a full bend, and the layout of a zone
_DRUM_PITCHES = range(27, 88)  # of the General MIDI 2 percussion map


class _Stroke(NamedTuple):
    tick: int
    velocity: int
    is_on: bool


class TrackReader:
    """Turns one track's events into notes; one instance a track."""

    def __init__(self, ticks_per_beat: int) -> None:
        self.tempos: dict[Beats, TempoChange] = {}
        self.meters: dict[Beats, MeterChange] = {}
        self.remarks: list[str] = []
        self._ticks_per_beat = ticks_per_beat
        self._tick = 0
        self._name = self._instrument = ""
        self._strokes: dict[tuple[int, int], list[_Stroke]] = defaultdict(list)
        self._programs: set[int] = set()
        self._parameter: dict[int, int] = {}  # of each channel's registered parameters, the fine number
        self._wheels = Wheels()
        self._is_mpe = False

    def take(self, event: Event) -> None:
        """Take the next event."""
        self._tick = event.tick
        if event.meta >= 0:
            self._take_meta(event.meta, event.data)
            return
        kind, channel = event.status & 0xF0, event.status & 0x0F
        first, second = event.data[0], event.data[-1]
        match kind:
            case 0x90 if second > 0:
                self._strokes[channel, first].append(_Stroke(self._tick, second, True))
            case 0x80 | 0x90:
                self._strokes[channel, first].append(_Stroke(self._tick, 64 if kind == 0x90 else second, False))
            case 0xC0:
                self._programs.add(channel)
            case 0xB0:
                self._take_control(channel, first, second)
            case 0xE0:
                self._wheels.move(channel, self._tick, first | second << 7)

    def _take_meta(self, meta: int, data: bytes) -> None:
        if meta == TEMPO:
            self._take_tempo(int.from_bytes(data))
        elif meta == METER:
            self._take_meter(data[0], 2 ** data[1])
        elif meta == NAME:
            self._name = self._name or decoded_name(data)
        elif meta == INSTRUMENT:
            self._instrument = self._instrument or decoded_name(data)

    def finish(self) -> ScoreTrack:
        """End the notes that still sound, and return the track."""
        notes = [note for key, strokes in self._strokes.items() for note in self._paired(*key, strokes)]
        return ScoreTrack(
            self._name or self._instrument,
            sort_notes(notes),
            self._beat(),
            one_instrument=self._has_voices(notes),
            is_bent=self._wheels.bend(notes, self._ticks_per_beat, is_mpe=self._is_mpe),
        )

    def _beat(self) -> Beats:
        return ticks_to_beats(self._tick, self._ticks_per_beat)

    def _paired(self, channel: int, pitch: int, strokes: list[_Stroke]) -> Iterable[Note]:
        struck = sum(stroke.is_on for stroke in strokes)
        struck_again = struck > len(strokes) - struck  # more beginnings than ends
        sounding: deque[_Stroke] = deque()
        for stroke in strokes:
            if not stroke.is_on:
                if sounding:  # an end of nothing means nothing
                    yield self._note(channel, pitch, sounding.popleft(), stroke.tick, stroke.velocity)
                continue
            while struck_again and sounding:
                yield self._note(channel, pitch, sounding.popleft(), stroke.tick, 64)
            sounding.append(stroke)
        if sounding:
            self.remarks.append("Notes without an end were ended with their track.")
        for stroke in sounding:
            yield self._note(channel, pitch, stroke, self._tick, 64)

    def _note(self, channel: int, pitch: int, struck: _Stroke, end_tick: int, release_velocity: int) -> Note:
        ticks = max(1, end_tick - struck.tick)  # a note of no length becomes the shortest
        return Note(
            pitch=pitch,
            start=ticks_to_beats(struck.tick, self._ticks_per_beat),
            duration=ticks_to_beats(ticks, self._ticks_per_beat),
            velocity=struck.velocity,
            channel=channel,
            release_velocity=release_velocity,
        )

    def _has_voices(self, notes: list[Note]) -> bool:
        """Whether the channels are the voices of one instrument (MPE) or the colours of its notes (FL Studio).

        They are not where programs are chosen for several channels, as General MIDI files do, and not where channel
        10 can only be drums beside one other part.
        """
        channels = {note.channel for note in notes}
        if self._is_mpe:
            return True
        if DRUM_CHANNEL not in channels or len(channels) < 2 or len(self._programs) > 1:
            return False
        if len(channels) >= _MANY_CHANNELS:
            return True
        return any(note.channel == DRUM_CHANNEL and note.pitch not in _DRUM_PITCHES for note in notes)

    def _take_control(self, channel: int, control: int, value: int) -> None:
        """Notice the messages that tell a bend's range, or that lay out an MPE zone."""
        if control == _RPN_FINE:
            self._parameter[channel] = value
        elif control == _DATA_ENTRY and self._parameter.get(channel) == _BEND_RANGE:
            self._wheels.set_range(channel, value)
        elif control == _DATA_ENTRY and self._parameter.get(channel) == _MPE_ZONE and value > 0:
            self._is_mpe = True

    def _take_tempo(self, microseconds_per_beat: int) -> None:
        if microseconds_per_beat == 0:
            self.remarks.append("A tempo without end was left out.")
            return
        tempo_bpm = Fraction(MICROSECONDS_PER_MINUTE, microseconds_per_beat)
        self.tempos[self._beat()] = TempoChange(self._beat(), tempo_bpm)

    def _take_meter(self, numerator: int, denominator: int) -> None:
        self.meters[self._beat()] = MeterChange(self._beat(), Meter(numerator, denominator))
