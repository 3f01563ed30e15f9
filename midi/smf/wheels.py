"""The pitch wheels of a track's channels: whether its notes sound at other pitches than they are written."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable

from ..notes import Note
from ..tempo import Beats, ticks_to_beats

USUAL_SEMITONES, MPE_SEMITONES = 2, 48  # of a full bend, where the file does not tell
_CENTRE = 8192  # the wheel's value at rest
_HEARD_SEMITONES = 0.5  # from which a bend is another pitch, and no vibrato


class Wheels:
    """Takes the moves of pitch wheels in the order of their ticks; one instance a track."""

    def __init__(self) -> None:
        self._moves: dict[int, list[tuple[int, float]]] = defaultdict(list)  # of each channel tick and share of all
        self._semitones: dict[int, int] = {}

    def move(self, channel: int, tick: int, value: int) -> None:
        """Take a wheel's new place, 0 to 16383."""
        self._moves[channel].append((tick, abs(value - _CENTRE) / _CENTRE))

    def set_range(self, channel: int, semitones: int) -> None:
        """Take the semitones of a full bend of a channel."""
        self._semitones[channel] = semitones

    def bend(self, notes: Iterable[Note], ticks_per_beat: int, *, is_mpe: bool) -> bool:
        """Whether one of the notes is at another pitch than its own for some of its time."""
        usual = MPE_SEMITONES if is_mpe else USUAL_SEMITONES
        bent = {
            channel: self._bent(moves, self._semitones.get(channel, usual), ticks_per_beat)
            for channel, moves in self._moves.items()
        }
        return any(_overlaps(note, bent[note.channel]) for note in notes if note.channel in bent)

    @staticmethod
    def _bent(moves: list[tuple[int, float]], semitones: int, ticks_per_beat: int) -> list[tuple[Beats, Beats | None]]:
        """Return the ranges of beats in which the wheel is away from its rest, in order; the last may have no end."""
        found: list[tuple[Beats, Beats | None]] = []
        start: Beats | None = None
        places = dict(moves)  # of several moves at one tick the last one counts
        for tick, share in places.items():
            is_heard = share * semitones >= _HEARD_SEMITONES
            if is_heard and start is None:
                start = ticks_to_beats(tick, ticks_per_beat)
            elif not is_heard and start is not None:
                found.append((start, ticks_to_beats(tick, ticks_per_beat)))
                start = None
        return found if start is None else [*found, (start, None)]


def _overlaps(note: Note, ranges: list[tuple[Beats, Beats | None]]) -> bool:
    """Whether a note sounds within one of these ranges, which are in order and apart."""
    place = bisect_right(ranges, note.start, key=lambda one: one[0])
    if place < len(ranges) and ranges[place][0] < note.end:
        return True
    if not place:
        return False
    end = ranges[place - 1][1]
    return end is None or end > note.start
