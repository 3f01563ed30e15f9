"""A take's scores as short sentences, in the units that a producer knows."""

import math
from collections.abc import Callable, Mapping

_SENTENCES: dict[str, Callable[[float], str]] = {
    "intensity_mse": lambda value: f"intensity {math.sqrt(max(value, 0)):.1f} dB off",
    "melody_accuracy": lambda value: f"melody {value:.0%} right",
    "rhythm_f1": lambda value: f"rhythm {value:.0%} right",
    "structure_mse": lambda value: f"structure {math.sqrt(max(value, 0)):.2f} off",
    "brightness_error_octaves": lambda value: f"brightness {value:.2f} octaves off",
}
"""For the scores that say how far a loop is from its targets; the other scores stand in its sidecar."""


def in_words(scores: Mapping[str, float | None]) -> list[str]:
    """Return a sentence for each score that is there, in one order."""
    return [say(value) for name, say in _SENTENCES.items() if (value := scores.get(name)) is not None]
