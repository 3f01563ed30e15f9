"""A piece of several tracks in beats, as a MIDI file holds it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from ..bars import Bars
from ..errors import MidiError
from ..files.names import name_key, printable
from ..notes import Note, sort_notes
from ..tempo import Beats, Meter, MeterChange, TempoChange

DEFAULT_TICKS_PER_BEAT = 480
MAX_TICKS_PER_BEAT = 0x7FFF  # what the file's header holds


@dataclass(frozen=True, slots=True)
class ScoreTrack:
    """One track's name and notes, sorted; `end` is where the track ends, in beats.

    In a track of `one_instrument` channels are voices or colours, and none of them is the drums'. One that is `is_bent`
    sounds at other pitches than its notes, because the pitch wheel is moved while they sound.
    """

    name: str
    notes: tuple[Note, ...]
    end: Beats = Fraction(0)
    one_instrument: bool = False
    is_bent: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A MIDI file in beats.

    `type` is 0 (one track), 1 (tracks together) or 2 (patterns one by one);
    `remarks` are sentences on what was mended or left out; `text` is the file's text about itself.
    """

    tracks: tuple[ScoreTrack, ...]
    tempos: tuple[TempoChange, ...] = ()
    meters: tuple[MeterChange, ...] = ()
    ticks_per_beat: int = DEFAULT_TICKS_PER_BEAT
    type: int = 1
    remarks: tuple[str, ...] = ()
    text: str = ""

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all tracks together, sorted."""
        return sort_notes(note for track in self.tracks for note in track.notes)

    def bars(self, meter: Meter | None = None) -> Bars:
        """Return its bars; `meter`, by default 4/4, is the signature of a file that tells none."""
        return Bars.of(self.meters, None if self.meters else meter)

    def named(self, name: str | int) -> tuple[ScoreTrack, ...]:
        """Return all tracks of this name, or the one with this number from 1; raises `MidiError` that lists them."""
        wanted = name_key(str(name))
        found = tuple(track for track in self.tracks if name_key(track.name) == wanted)
        if found:
            return found
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= len(self.tracks):
            return (self.tracks[int(wanted) - 1],)
        listed = ", ".join(f"{i} {t.name!r} ({len(t.notes)} notes)" for i, t in enumerate(self.tracks, 1))
        raise MidiError(
            "no_such_track",
            f"The MIDI file has no track {printable(str(name))[:40]!r}. It has: {listed[:1000] or 'none'}.",
            "Name a track or give its number.",
        )


def score_of_notes(notes: Iterable[Note], *, tempo_bpm: Fraction, meter: Meter, name: str = "") -> Score:
    """Return a one-track score whose ticks hold every time exactly where a file can."""
    ordered = sort_notes(notes)
    ticks = DEFAULT_TICKS_PER_BEAT
    for note in ordered:
        ticks = lcm(ticks, note.start.denominator, note.end.denominator)
        if ticks > MAX_TICKS_PER_BEAT:
            ticks = MAX_TICKS_PER_BEAT // DEFAULT_TICKS_PER_BEAT * DEFAULT_TICKS_PER_BEAT
            break
    return Score(
        tracks=(ScoreTrack(name, ordered),),
        tempos=(TempoChange(Fraction(0), tempo_bpm),),
        meters=(MeterChange(Fraction(0), meter),),
        ticks_per_beat=ticks,
    )
