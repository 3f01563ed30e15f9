"""The optional control inputs of `pocket`: what its network is shown of a request's targets, frame by frame.

Channels: intensity and its flag, twelve of chroma and their flag, onsets and their flag; with all flags zero the
network is free. A search for a tune begins with the tune shown: the network plays most of it by itself, as Music
ControlNet does (Wu et al. 2023, arXiv:2311.07069), and the noise has to change by far less. Levels and grooves are not
shown: a learned first step, and the search alone, follow those in as few steps. What a take was shown is stored with
its noise, since its sound is decode(sample(noise)) of the network that sees it.
"""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from midi.melody import melody, pitch_class_target

from ..controls import FeatureKind, find
from ..curves import level_db
from ..errors import BadInputError
from ..models.protocol import Scene
from ..request import Control, Curve, LoopRequest, Method, Notes, Onsets
from ..takes.noise import NOT_A_TAKES, controls_from_bytes, knows_control_inputs
from .network import CONTROL_CHANNELS, TUNE, TUNE_KNOWN
from .scenes import Inputs

LAYER_STRENGTH = 1.5  # of a tune that one layer is shown: nobody taught it to single layers; a full mix is shown 1
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
        kind, target = find(control.kind).feature, control.target
        if kind is FeatureKind.LEVEL and isinstance(target, Curve):
            asked["intensity_db"] = level_db(target, request.beats, frames)
        elif kind is FeatureKind.PITCH_CLASSES and isinstance(target, Notes):
            asked["pitch_classes"] = pitch_class_target(melody(target.notes), request.beats, frames)
        elif kind is FeatureKind.ONSETS and isinstance(target, Onsets):
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


class ControlInputs(Enum):
    """Which targets are given to the control inputs of the network."""

    OFF = "off"  # DITTO alone, for comparison
    TUNE = "tune"  # that of a search, unless it begins plainly
    ALL = "all"  # always, as in a model with trained controls


def with_controls(scene: Scene, request: LoopRequest, control_inputs: ControlInputs) -> Scene:
    """Return `scene` with its control inputs; raise `BadInputError` for a damaged take."""
    rows = asked_rows(request, scene) if control_inputs is ControlInputs.ALL else _controls_before(request, scene)
    if control_inputs is ControlInputs.TUNE and _is_searched(request) and _has_inputs(request):
        tunes = _tunes(request, scene)
        rows = torch.where(_any(tunes), tunes, rows)
    if control_inputs is not ControlInputs.ALL and not rows.any():
        return scene
    inputs: Inputs = scene.inputs
    return replace(scene, inputs=inputs.with_controls(rows))


def without_controls(scene: Scene) -> Scene:
    """Return the scene without control inputs."""
    return replace(scene, inputs=replace(scene.inputs, controls=None))


class Conditioned:
    """A model with control inputs: `protocol.HasControlInputs`."""

    def controls_of(self, scene: Scene) -> Tensor | None:
        """Return the control inputs of `scene` [rows, frames, CONTROL_CHANNELS]; None where it has none."""
        inputs: Inputs = scene.inputs
        if inputs.controls is None:
            return None
        return inputs.controls.reshape(-1, scene.frames, CONTROL_CHANNELS)

    def without_controls(self, scene: Scene) -> Scene:
        """Return the scene without control inputs."""
        return without_controls(scene)


def _is_searched(request: LoopRequest) -> bool:
    budget = request.budget
    return request.method in (Method.DITTO2, Method.DITTO) and budget.steps != 0 and not budget.plain_start


def _has_inputs(request: LoopRequest) -> bool:
    """Whether a request begins anew, or from a take that knows of control inputs: older ones go on as they were."""
    return request.start is None or knows_control_inputs(request.start.noise)


def _tunes(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the tune that is asked of each row of `scene`, as strong as the network needs it."""
    rows, kept = asked_rows(request, scene), torch.zeros(CONTROL_CHANNELS)
    kept[TUNE], kept[TUNE_KNOWN] = 1, 1
    return rows * kept * (LAYER_STRENGTH if scene.layers else 1.0)


def _controls_before(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the control inputs of the take that `request` begins from, 0 for layers that are made again."""
    rows = torch.zeros(max(1, len(scene.layers)), scene.frames, CONTROL_CHANNELS)
    stored = None if request.start is None else controls_from_bytes(request.start.noise)
    if stored is None or stored.rows.shape[1] != scene.frames:  # noise of another length is refused where it is used
        return rows
    if stored.rows.shape[2] != CONTROL_CHANNELS:
        raise BadInputError(NOT_A_TAKES)
    for place, name in enumerate(scene.layers or ("",)):
        if name in stored.layers and name not in request.again:
            rows[place] = stored.rows[stored.layers.index(name)]
    return rows


def _any(rows: Tensor) -> Tensor:
    return rows.flatten(1).any(1)[:, None, None]
