"""Short requests and their parts, for tests of the engine; the fixture `ask` is one of these."""

from fractions import Fraction
from typing import Any

import numpy as np

from engine.request import Audio, Control, Curve, LoopRequest, Notes, Point
from midi.notes import Note


class Asking:
    """Short requests and their parts: two bars of 4/4 at 120 BPM unless said otherwise."""

    @staticmethod
    def request(*controls: Control, **fields: Any) -> LoopRequest:
        return LoopRequest(**({"prompt": "toy", "bars": 2, "controls": controls} | fields))

    @staticmethod
    def curve(*pairs: tuple[float, float], **fields: Any) -> Curve:
        return Curve(points=tuple(Point(Fraction(beat), value) for beat, value in pairs), **fields)

    @classmethod
    def intensity(cls, low: float = -31.0, high: float = -23.0, **fields: Any) -> Control:
        return Control(kind="intensity", target=cls.curve((0, low), (4, high), (8, low)), **fields)

    @staticmethod
    def notes(*pitches: int) -> Notes:
        length = Fraction(8, len(pitches))
        return Notes(notes=tuple(Note(pitch, i * length, length) for i, pitch in enumerate(pitches)))

    @classmethod
    def melody(cls, *pitches: int, **fields: Any) -> Control:
        return Control(kind="melody", target=cls.notes(*(pitches or (72, 76, 79, 74))), **fields)

    @staticmethod
    def audio(samples: np.ndarray[Any, Any], sample_rate: int, **fields: Any) -> Audio:
        flat = np.atleast_2d(samples)
        return Audio(samples=flat.T.astype("<f4").tobytes(), sample_rate=sample_rate, channels=len(flat), **fields)
