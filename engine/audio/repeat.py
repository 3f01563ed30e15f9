"""A recording that is shorter than a loop: whether it comes again, and which of its samples is heard when."""

from fractions import Fraction
from math import ceil

import numpy as np
import numpy.typing as npt

NEAR_BEATS = 0.1  # by which a recording may miss whole beats


def turn_beats(beats: Fraction, loop_beats: Fraction) -> int:
    """Return after how many beats a recording of `beats` comes again within a loop; 0 where it is heard once.

    One that is shorter than the loop comes again where it is whole beats long, whether or not its turns fill the loop.
    """
    whole = round(beats)
    is_shorter = beats < loop_beats - NEAR_BEATS
    return whole if is_shorter and whole >= 1 and abs(beats - whole) <= NEAR_BEATS else 0


def turned(samples: int, loop_beats: Fraction, turn: int) -> npt.NDArray[np.int64]:
    """Return for each of a loop's `samples` which sample of the recording is heard, where it comes again after `turn`.

    Each turn begins at the sample nearest to its beat; the last one is cut where the loop ends.
    """
    starts = [round(number * turn * samples / loop_beats) for number in range(ceil(loop_beats / turn))]
    lengths = np.diff([*starts, samples])
    return np.arange(samples, dtype=np.int64) - np.repeat(np.array(starts, dtype=np.int64), lengths)
