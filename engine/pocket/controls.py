"""The optional control inputs of `pocket`: what trained controls would be told, frame by frame.

They make the model its own Music-ControlNet-style baseline and a warm start for the optimiser; with all flags
zero the model is free. Channels: intensity and its flag, twelve of chroma and their flag, onsets and their flag.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from midi.melody import melody, pitch_class_target

from ..controls import Shown, find
from ..curves import level_db
from ..models.protocol import Scene
from ..request import Control, Curve, LoopRequest, Notes, Onsets
from .network import CONTROL_CHANNELS

INTENSITY_CENTRE_DB, INTENSITY_SPREAD_DB = -22.0, 8.0


def channels(
    frames: int,
    *,
    intensity_db: NDArray[np.float64] | None = None,
    pitch_classes: tuple[NDArray[np.int64], NDArray[np.bool_]] | None = None,
    onsets: NDArray[np.float64] | None = None,
) -> NDArray[np.float32]:
    """Return control inputs [frames, CONTROL_CHANNELS] from curves at the latent frame rate; None stays free."""
    rows = np.zeros((frames, CONTROL_CHANNELS), np.float32)
    if intensity_db is not None:
        rows[:, 0] = (np.maximum(intensity_db, -60) - INTENSITY_CENTRE_DB) / INTENSITY_SPREAD_DB
        rows[:, 1] = 1
    if pitch_classes is not None:
        classes, sounding = pitch_classes
        rows[np.flatnonzero(sounding), 2 + classes[sounding]] = 1
        rows[:, 14] = 1
    if onsets is not None:
        rows[:, 15] = onsets
        rows[:, 16] = 1
    return rows


def asked_inputs(request: LoopRequest, frames: int) -> NDArray[np.float32]:
    """Return the targets of those controls that trained inputs are shown, as inputs [frames, CONTROL_CHANNELS]."""
    asked: dict[str, Any] = {}
    for control in request.controls:
        shown, target = find(control.kind).shown, control.target
        if shown is Shown.LEVEL and isinstance(target, Curve):
            asked["intensity_db"] = level_db(target, request.beats, frames)
        elif shown is Shown.PITCH_CLASSES and isinstance(target, Notes):
            asked["pitch_classes"] = pitch_class_target(melody(target.notes), request.beats, frames)
        elif shown is Shown.ONSETS and isinstance(target, Onsets):
            hits = [[float(onset.beat), onset.strength] for onset in target.onsets]
            asked["onsets"] = pulses(hits, float(request.beats), frames)
    return channels(frames, **asked)


def asked_rows(request: LoopRequest, scene: Scene) -> Tensor:
    """Return what controls ask of each layer of `scene`, or of its one sound: [rows, frames, CONTROL_CHANNELS].

    What is asked of the sum of layers, a level for example, is asked of none of them.
    """
    if not scene.layers:
        return torch.from_numpy(asked_inputs(request, scene.frames))[None]

    def reached(control: Control) -> tuple[str, ...]:
        row = find(control.kind)
        return row.layers_in(scene, control.on) or (scene.audible if control.on or row.layers else ())

    rows = []
    for layer in scene.layers:
        own = tuple(control for control in request.controls if layer in reached(control))
        rows.append(torch.from_numpy(asked_inputs(msgspec.structs.replace(request, controls=own), scene.frames)))
    return torch.stack(rows)


def pulses(hits: Sequence[Sequence[float]], beats: float, frames: int) -> NDArray[np.float64]:
    """Return the strongest of the `hits` (beat, strength) in each frame: [frames]."""
    strongest = np.zeros(frames)
    for beat, strength in hits:
        index = round(beat / beats * frames) % frames
        strongest[index] = max(strongest[index], strength)
    return strongest
