"""The bars of a song whose time signature may change, and positions in it: `@16`, `@bar 33`, `@33.1.1`.

Live shows a position as bar, beat and sixteenth, each counted from 1; a beat here is a quarter note from the song's
start, counted from 0. A signature that changes inside a bar ends that bar, and the next one begins there, as in Live.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from .errors import MidiError
from .tempo import SIXTEENTH, Beats, Meter, MeterChange, exact

# Nearer to the downbeat than this, a note that comes before it is the downbeat, played early.
EARLY_BEATS = Fraction(1, 8)

_DIGITS = r"(\d{1,18})"  # as many as a number may have here, so that reading one never fails
_POSITION = re.compile(
    rf"@\s*(?:(?:bar\s*)?{_DIGITS}\s*\.\s*{_DIGITS}\s*\.\s*{_DIGITS}"
    rf"|bar\s*{_DIGITS}(?:\s*\.\s*{_DIGITS})?"
    r"|(\d{1,18}(?:\.\d{1,18})?))\s*$",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class BarPosition:
    """A position as Live shows it: bar, beat of the bar and sixteenth of the beat, each from 1."""

    bar: int
    beat: int = 1
    sixteenth: int = 1

    def __str__(self) -> str:
        behind = f".{self.beat}.{self.sixteenth}" if self.sixteenth > 1 else f".{self.beat}" if self.beat > 1 else ""
        return f"bar {self.bar}{behind}"


Position = Beats | BarPosition
"""Where in a song: a beat (quarter note) from 0, or a bar."""


def split_position(text: str) -> tuple[str, Position | None]:
    """Return `text` without the position behind its last `@`, and that position, None where there is none."""
    found = _POSITION.search(text)
    if found is None:
        return text, None
    *numbers, beat = found.groups()
    position = exact(beat) if beat else BarPosition(*(int(number) for number in numbers if number))
    return text[: found.start()], position


def read_position(text: str) -> Position | None:
    """Return the position of a text such as `16`, `bar 33`, `@bar 33` or `33.1.1`, None for an empty one.

    Raises `MidiError` for any other.
    """
    if not text.strip():
        return None
    rest, position = split_position(f"@{text.strip().removeprefix('@')}")
    if rest or position is None:
        raise MidiError("bad_position", f"{text[:40]!r} is no position.", "Write it like bar 33, 33.1.1 or 16.")
    return position


class _Section(NamedTuple):
    """From `beat` on, where bar number `bar` (from 0) begins, the signature is `meter`."""

    beat: Beats
    bar: int
    meter: Meter


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a song by its time signatures, the first of which counts from beat 0 on."""

    sections: tuple[_Section, ...]

    @classmethod
    def of(cls, changes: Iterable[MeterChange] = (), first: Meter | None = None) -> "Bars":
        """Return the bars of changes in any order; `first`, by default 4/4, is the signature before them."""
        by_beat = {Fraction(0): first or Meter()}
        by_beat |= {max(change.beat, Fraction(0)): change.meter for change in sorted(changes, key=lambda one: one.beat)}
        sections: list[_Section] = []
        for beat, meter in by_beat.items():
            bar = 0
            if sections:
                last = sections[-1]
                bar = last.bar + math.ceil((beat - last.beat) / last.meter.beats_per_bar)
            sections.append(_Section(beat, bar, meter))
        return cls(tuple(sections))

    def beat_of(self, position: Position) -> Beats:
        """Return the beat (quarter note) of a position; raises `MidiError` for a bar or a beat that there is not."""
        if isinstance(position, Fraction):
            return position
        index, beat, sixteenth = position.bar - 1, position.beat - 1, position.sixteenth - 1
        if min(index, beat, sixteenth) < 0:
            raise MidiError("bad_position", "Bars, beats and sixteenths count from 1.", "Write it like @33.1.1.")
        section = next(one for one in reversed(self.sections) if one.bar <= index)
        unit = Fraction(4, section.meter.denominator)
        behind = beat * unit + sixteenth * SIXTEENTH
        start = section.beat + (index - section.bar) * section.meter.beats_per_bar
        if beat >= section.meter.numerator or sixteenth * SIXTEENTH >= unit or start + behind >= self._end(start):
            raise MidiError(
                "bad_position", f"There is no {position}: the bar is one of {section.meter}.", "Write it like @33.1.1."
            )
        return start + behind

    def position_of(self, beat: Beats) -> BarPosition:
        """Return the bar and the beat in it that `beat`, from 0 on, belongs to; its sixteenth is left out."""
        section = self._section(beat)
        bars, behind = divmod(beat - section.beat, section.meter.beats_per_bar)
        return BarPosition(section.bar + int(bars) + 1, int(behind * section.meter.denominator / 4) + 1)

    def meter_at(self, beat: Beats) -> Meter:
        """Return the signature at `beat`."""
        return self._section(beat).meter

    def meter_from(self, beat: Beats) -> Meter:
        """Return the signature of what begins at `beat`; of a pickup, a short first bar, that of the bars after it."""
        section = self._section(beat)
        later = next((one for one in self.sections if one.beat > section.beat), section)
        is_pickup = section.bar == 0 and later.bar == 1
        return later.meter if is_pickup and later.meter.beats_per_bar > section.meter.beats_per_bar else section.meter

    def begin(self, first: Beats, loop_beats: Beats) -> Beats:
        """Return where a part whose first note is at `first` is read from: 0, or its bar if it is behind the loop."""
        return Fraction(0) if first < loop_beats else self.bar_of(first)

    def bar_of(self, first: Beats) -> Beats:
        """Return where the bar of a note at `first` begins, which may be played early."""
        return self.line_before(first + EARLY_BEATS)

    def line_before(self, beat: Beats) -> Beats:
        """Return the last bar line before `beat`, which is over 0."""
        section = next((one for one in reversed(self.sections) if one.beat < beat), self.sections[0])
        bar = section.meter.beats_per_bar
        return section.beat + (math.ceil((beat - section.beat) / bar) - 1) * bar

    def line_from(self, beat: Beats) -> Beats:
        """Return the first bar line that is not before `beat`."""
        section = self._section(beat)
        bar = section.meter.beats_per_bar
        line = section.beat + math.ceil((beat - section.beat) / bar) * bar
        return min([line, *(one.beat for one in self.sections if one.beat >= beat)])

    def after(self, beat: Beats) -> "Bars":
        """Return the bars of the song as it goes on from `beat`, which is 0 there."""
        later = [MeterChange(one.beat - beat, one.meter) for one in self.sections if one.beat > beat]
        return Bars.of(later, self.meter_at(beat))

    def _section(self, beat: Beats) -> _Section:
        return next((one for one in reversed(self.sections) if one.beat <= beat), self.sections[0])

    def _end(self, start: Beats) -> Beats:
        """Return where the bar ends that begins at `start`."""
        section = self._section(start)
        return min([start + section.meter.beats_per_bar, *(one.beat for one in self.sections if one.beat > start)])
