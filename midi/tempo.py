"""Musical time, exact until it is rounded once.

A beat is a quarter note, as in Live and in Standard MIDI Files, whatever the metre.
Beats and tempi are `Fraction`, so a thousand bars of 7/8 at 133.37 BPM end where
one multiplication says, and `beats_to_samples` is the only place that rounds.
"""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from .errors import MidiError

Beats = Fraction
"""A time or a length in quarter notes."""

SIXTEENTH = Fraction(1, 4)  # of a quarter note
MIN_TEMPO_BPM = Fraction(20)  # Live's own range
MAX_TEMPO_BPM = Fraction(999)
MAX_TEMPO_DECIMALS = 4  # with fewer, tempi up to 999 BPM are told apart less finely than by microseconds
MICROSECONDS_PER_MINUTE = 60_000_000
MAX_NUMERATOR = 99  # Live's signature field ends here
MAX_DENOMINATOR = 64
MAX_NUMBER_CHARACTERS = 64  # longer than any double printed in full
MAX_NUMBER = 10**18
TICKS_PER_BEAT = 20_160  # 2^6 * 3^2 * 5 * 7: triplets to septuplets, and their halves, are whole numbers of ticks
MIN_EXPONENT = -400  # the smallest double is about 1e-324


_TEMPO = re.compile(r"\s*([0-9]+(?:[.,][0-9]+)?)\s*(?:bpm)?\s*", re.IGNORECASE)


def exact(value: float | int | str | Decimal | Fraction) -> Fraction:
    """Return the decimal number that was written or printed, as a fraction.

    A float counts as its shortest decimal form: 0.1 is 1/10. A string is a decimal
    number or `n/d`. Raises `MidiError` for anything that is not a finite number up to 1e18.
    """
    if isinstance(value, Fraction):
        return value
    if isinstance(value, int):
        return Fraction(value)
    text = repr(value) if isinstance(value, float) else str(value).strip().replace("\u2212", "-")  # a typeset minus
    numerator, slash, denominator = text.partition("/")
    try:
        number = _decimal(numerator) / (_decimal(denominator) if slash else 1)
        if abs(number) <= MAX_NUMBER:
            return number
        raise ValueError(text)
    except (ValueError, InvalidOperation, ZeroDivisionError):
        raise MidiError(
            "bad_number", f"{text[:40]!r} is not a number to use here.", "Write it like 120 or 133.5."
        ) from None


def _decimal(text: str) -> Fraction:
    """Read one decimal; the exponent is bounded, or 1e999999999 would fill the memory."""
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise ValueError(text)
    number = Decimal(text)
    if not number.is_finite() or not MIN_EXPONENT <= number.adjusted() <= len(str(MAX_NUMBER)):
        raise ValueError(text)
    return Fraction(number)


def parse_tempo(value: float | int | str | Decimal | Fraction) -> Fraction:
    """Return a tempo in BPM, of a text such as `120`, `133,37` or `120 bpm`; raises `MidiError` outside 20 to 999."""
    if isinstance(value, str) and (match := _TEMPO.fullmatch(value)):
        value = match.group(1).replace(",", ".")
    tempo_bpm = exact(value)
    if not MIN_TEMPO_BPM <= tempo_bpm <= MAX_TEMPO_BPM:
        raise MidiError(
            "tempo_out_of_range",
            f"The tempo is {float(tempo_bpm):g} BPM; 20 to 999 is allowed.",
            "Use the tempo that Live shows.",
        )
    return tempo_bpm


def typed_tempo(tempo_bpm: Fraction) -> Fraction:
    """Return the tempo that was typed where a MIDI file stores `tempo_bpm`: the shortest of the same microseconds.

    Some programs round to whole microseconds a beat, others cut off.
    """
    microseconds = MICROSECONDS_PER_MINUTE / tempo_bpm
    shortened = (round(tempo_bpm, decimals) for decimals in range(MAX_TEMPO_DECIMALS + 1))
    near = (bpm for bpm in shortened if bpm and abs(MICROSECONDS_PER_MINUTE / bpm - microseconds) < 1)
    return next(near, tempo_bpm)


@dataclass(frozen=True, slots=True, order=True)
class Meter:
    """A time signature: `numerator` 1 to 99 over `denominator` 1, 2, 4 ... 64."""

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        powers_of_two = (1, 2, 4, 8, 16, 32, MAX_DENOMINATOR)
        if not 1 <= self.numerator <= MAX_NUMERATOR or self.denominator not in powers_of_two:
            raise MidiError(
                "bad_meter",
                f"{self.numerator}/{self.denominator} is not a time signature: "
                f"1 to {MAX_NUMERATOR} over 1, 2, 4, 8, 16, 32 or {MAX_DENOMINATOR} is allowed.",
                "Write it like 4/4 or 7/8.",
            )

    @classmethod
    def parse(cls, text: str) -> "Meter":
        """Read `6/8` or `6:8`; raises `MidiError` for anything else."""
        numerator, denominator = (part.strip() for part in text.replace(":", "/").partition("/")[::2])
        if not (_is_short_number(numerator) and _is_short_number(denominator)):
            raise MidiError("bad_meter", f"{text[:40]!r} is not a time signature.", "Write it like 4/4 or 7/8.")
        return cls(int(numerator), int(denominator))

    @property
    def beats_per_bar(self) -> Beats:
        """Quarter notes in one bar: 3 for 6/8, 7/2 for 7/8."""
        return Fraction(4 * self.numerator, self.denominator)

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"


def _is_short_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


def loop_beats(bars: int, meter: Meter) -> Beats:
    """Return the length of `bars` bars in quarter notes."""
    return bars * meter.beats_per_bar


def beats_to_seconds(beats: Beats, tempo_bpm: Fraction) -> Fraction:
    """Return the length of `beats` in seconds, exactly."""
    return beats * 60 / tempo_bpm


def beats_to_samples(beats: Beats, tempo_bpm: Fraction, sample_rate: int) -> int:
    """Return the nearest sample, rounded once and to even when halfway."""
    return round(beats * 60 / tempo_bpm * sample_rate)


def samples_to_beats(samples: int, tempo_bpm: Fraction, sample_rate: int) -> Beats:
    """Return the beat at which a sample lies, exactly."""
    return Fraction(samples) * tempo_bpm / (60 * sample_rate)


def loop_samples(bars: int, meter: Meter, tempo_bpm: Fraction, sample_rate: int) -> int:
    """Return a loop's length in samples of one channel: `round(bars * 4 * num/den * 60 / bpm * sample_rate)`."""
    return beats_to_samples(loop_beats(bars, meter), tempo_bpm, sample_rate)


def ticks_to_beats(ticks: int, ticks_per_beat: int) -> Beats:
    """Return the beat of a MIDI tick, exactly."""
    return Fraction(ticks, ticks_per_beat)


def beats_to_ticks(beats: Beats, ticks_per_beat: int) -> int:
    """Return the nearest MIDI tick, rounded to even when halfway."""
    return round(beats * ticks_per_beat)


@dataclass(frozen=True, slots=True)
class TempoChange:
    """From `beat` on the tempo is `tempo_bpm`."""

    beat: Beats
    tempo_bpm: Fraction


@dataclass(frozen=True, slots=True)
class MeterChange:
    """From `beat` on the time signature is `meter`."""

    beat: Beats
    meter: Meter


def snapped(beat: float | Fraction) -> Beats:
    """Return the nearest beat on the grid of `TICKS_PER_BEAT`, which is exact for every tuplet up to ten."""
    return Fraction(round(beat * TICKS_PER_BEAT), TICKS_PER_BEAT)
