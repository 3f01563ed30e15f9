"""Short takes in layers by `pocket` at toy size, with their stems."""

from fractions import Fraction

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine import pipeline
from engine.events import Checkpoint, Event, Stems, Take
from engine.pocket.layered import LayeredPocket
from engine.request import LoopRequest, Notes
from engine.settings import Settings
from midi.notes import Note

Audios = dict[str, NDArray[np.float32]]
TUNE = Notes(notes=(Note(pitch=72, start=Fraction(0), duration=Fraction(2)),))


def request(layers: str = "drums,bass,lead", **changes: object) -> LoopRequest:
    """Return a request for one bar in these layers."""
    return LoopRequest(
        prompt="house",
        bars=1,
        tempo_bpm=Fraction(150),
        seed=3,
        layers=layers,
        sample_rate=44_100,
        **changes,  # type: ignore[arg-type]
    )


def events(model: LayeredPocket, asked: LoopRequest) -> list[Event | Checkpoint]:
    """Return all that is told of a request, previews and checkpoints among it."""
    return list(pipeline.make_loop(asked, model, Settings(), live=True))


def with_stems(model: LayeredPocket, asked: LoopRequest) -> tuple[Take, Audios]:
    """Return the first take, and its stems at its gain of 0 dB."""
    told = events(model, msgspec.structs.replace(asked, stems=True))
    take = next(event for event in told if isinstance(event, Take))
    stems = next(event for event in told if isinstance(event, Stems))
    gain = 10 ** (-float(str(take.record["gain_db"])) / 20)
    return take, {name: gain * audio(sound.samples) for name, sound in stems.sounds.items()}


def audio(samples: bytes) -> NDArray[np.float32]:
    """Return the sound [2, samples] of bytes as they go over the wire."""
    return np.frombuffer(samples, "<f4").reshape(-1, 2).T
