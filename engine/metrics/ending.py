"""Whether a loop ends as a piece does: how much quieter its last seconds are than the rest."""

import numpy as np
from numpy.typing import NDArray

from ..request import Curve, LoopRequest

LAST_SECONDS = 2.0
LARGEST_SHARE = 0.25  # of the loop, at most, that counts as its end
HEARD_DB = 3.0  # drop from which an end sounds like an ending
_SILENCE = 1e-10


def ending_drop_db(audio: NDArray[np.floating], sample_rate: int) -> float:
    """Return by how many dB the end of `audio` [channels, samples] is quieter than the rest of it.

    The end is the last two seconds, at most a quarter of the loop. Below 0 it is louder; a silent loop gives 0.
    """
    values = np.atleast_2d(np.asarray(audio, dtype=np.float64))
    last = max(1, min(round(LAST_SECONDS * sample_rate), round(LARGEST_SHARE * values.shape[1])))
    if values.shape[1] <= last:
        return 0.0
    before, after = (float(np.mean(part**2)) for part in (values[:, :-last], values[:, -last:]))
    return float(10 * np.log10(max(before, _SILENCE) / max(after, _SILENCE)))


def remarks(audio: NDArray[np.floating], request: LoopRequest) -> tuple[str, ...]:
    """Return a sentence if `audio` [channels, samples], at the request's rate, fades at its end by more than 3 dB.

    Requests with a curve get none. It is for models that are not circular and may compose an ending; of a circular one
    a quiet last beat is no ending.
    """
    if not request.loop or any(isinstance(control.target, Curve) for control in request.controls):
        return ()
    drop_db = ending_drop_db(audio, request.sample_rate)
    if drop_db <= HEARD_DB:
        return ()
    seconds = min(LAST_SECONDS, LARGEST_SHARE * request.seconds)
    return (f"The last {seconds:.1f} s are {drop_db:.0f} dB quieter than the rest, as in the end of a piece.",)
