"""Verdicts: a grade and a sentence on how closely a control was followed, with the error and the bars."""

from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from .framing import Signal


class Grade(StrEnum):
    """How closely a control was followed, by the thresholds `good` and `near` of its metric."""

    GOOD = "good"
    NEAR = "near"
    MISS = "miss"


class Verdict(msgspec.Struct, frozen=True):
    """The grade of one control, and the sentence for the producer, which begins with its kind."""

    grade: Grade
    sentence: str


def of_curve(
    kind: str,
    error: Signal,
    chosen: NDArray[np.bool_],
    *,
    bars: int,
    good: float,
    near: float,
    unit: str,
    digits: int,
) -> Verdict:
    """Return the verdict on `error` [frames], in `unit`, over the frames `chosen` [frames] of a loop of `bars` bars.

    The root mean square decides: up to `good` the control is followed, up to `near` nearly followed. The sentence names
    the run of bars around the worst one that are off by more than `good`, with `digits` decimals.
    """
    if not chosen.any():
        return Verdict(Grade.GOOD, f"{kind}: followed.")
    off = _rms(error[chosen])
    if off <= good:
        return Verdict(Grade.GOOD, f"{kind}: followed within {off:.{digits}f} {unit}.")
    first, last, amount = _worst_bars(error, chosen, bars, good)
    grade, said = (Grade.NEAR, "nearly followed, off by") if off <= near else (Grade.MISS, "missed by")
    return Verdict(grade, f"{kind}: {said} {amount:.{digits}f} {unit} {_place(first, last, bars)}.")


def of_share(kind: str, share: float | None, *, good: float, near: float, of: str) -> Verdict | None:
    """Return the verdict on a `share`, 0 to 1, None for None; the sentence ends with "% of" and the words `of`."""
    if share is None:
        return None
    grade = Grade.GOOD if share >= good else Grade.NEAR if share >= near else Grade.MISS
    return Verdict(grade, f"{kind}: {_SAID[grade]}, {round(100 * share)} % of {of}.")


def of_likeness(kind: str, squared: float | None, *, good: float, near: float) -> Verdict | None:
    """Return the verdict on a mean squared error of self-similarity, None for None."""
    if squared is None:
        return None
    grade = Grade.GOOD if squared <= good else Grade.NEAR if squared <= near else Grade.MISS
    off, followed = (100 * value**0.5 for value in (squared, good))
    said = f"{_SAID[grade]}, the likeness of its parts is {off:.1f} % off; up to {followed:.1f} % is followed"
    return Verdict(grade, f"{kind}: {said}.")


_SAID = {Grade.GOOD: "followed", Grade.NEAR: "nearly followed", Grade.MISS: "missed"}


def _worst_bars(error: Signal, chosen: NDArray[np.bool_], bars: int, limit: float) -> tuple[int, int, float]:
    """Return first and last bar, from 0, of the run around the worst bar, and the root mean square in it."""
    bar = np.arange(len(error)) * bars // len(error)
    off = np.array([_rms(error[chosen & (bar == one)]) for one in range(bars)])
    first = last = int(off.argmax())
    while first > 0 and off[first - 1] > limit:
        first -= 1
    while last + 1 < bars and off[last + 1] > limit:
        last += 1
    return first, last, _rms(error[chosen & (bar >= first) & (bar <= last)])


def _place(first: int, last: int, bars: int) -> str:
    if (first, last) == (0, bars - 1):
        return "throughout"
    if first == last:
        return f"in bar {first + 1}"
    return f"between bars {first + 1} and {last + 1}"


def _rms(values: Signal) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else 0.0
