"""What is reported of a finished loop, from its samples alone.

Written apart from the controls, on purpose and in other ways, with NumPy and SciPy: nothing here is optimised
against. Every measure takes a mono or stereo waveform and wraps round where the loop does.
"""

from .report import score

__all__ = ["score"]
