"""The bent segment of an automation curve: a cubic Bezier in the unit box.

It runs from (0, 0) to (1, 1) with handles (x1, y1) and (x2, y2), all within 0..1, so x grows
along it and the height is a function of x.
"""

import numpy as np
from numpy.typing import NDArray

Handles = tuple[float, float, float, float]
"""x1, y1, x2, y2 of the two handles."""

STRAIGHT: Handles = (0.5, 0.5, 0.5, 0.5)
BISECTIONS = 40  # of the unit interval: far below what a float32 can show
FLAT_PIECES = 1024  # between two of them even the steepest curve rises by at most 3/1024


def bend(along: NDArray[np.float64], handles: Handles | None) -> NDArray[np.float64]:
    """Return the height of the curve at each x; both float64 [n] in 0..1."""
    if handles is None or handles == STRAIGHT:
        return along
    x1, y1, x2, y2 = handles
    low, high = np.zeros_like(along), np.ones_like(along)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        before = _cubic(middle, x1, x2) < along
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return _cubic((low + high) / 2, y1, y2)


def along_and_height(handles: Handles) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `FLAT_PIECES` + 1 points on the curve, as x and height, evenly in the parameter."""
    x1, y1, x2, y2 = handles
    parameter = np.linspace(0.0, 1.0, FLAT_PIECES + 1)
    return _cubic(parameter, x1, x2), _cubic(parameter, y1, y2)


def _cubic(s: NDArray[np.float64], first: float, second: float) -> NDArray[np.float64]:
    return 3 * (1 - s) ** 2 * s * first + 3 * (1 - s) * s**2 * second + s**3
