"""What the network is shown of a request's targets, frame by frame, beside its words, its key and its chords.

A search for a tune begins with the tune shown: the network plays most of it by itself, as Music ControlNet does (Wu et
al. 2023, arXiv:2311.07069), and the noise has to change by far less. Levels and grooves are not shown: a learned first
step, and the search alone, follow those in fewer steps. What a take was shown is stored with its noise, since its sound
is decode(sample(noise)) of the network that sees it.
"""

from dataclasses import replace
from enum import Enum

import torch
from torch import Tensor

from ..errors import BadInputError
from ..models.protocol import Scene
from ..request import LoopRequest
from ..takes.noise import NOT_A_TAKES, seen_from_bytes
from .controls import asked_rows
from .network import CONTROL_CHANNELS, TUNE, TUNE_KNOWN
from .scenes import Inputs

LAYER_STRENGTH = 2.0  # of a tune that one layer is shown: nobody taught it to single layers; a full mix is shown 1


class Sight(Enum):
    """Which targets the network is shown."""

    NOTHING = "nothing"  # DITTO alone, for comparison
    TUNES = "tunes"  # those of a search, unless it begins plainly
    EVERYTHING = "everything"  # always, as a model with trained controls


def showing(scene: Scene, request: LoopRequest, sight: Sight) -> Scene:
    """Return `scene` with the targets that its network is shown; raise `BadInputError` for a damaged take."""
    rows = asked_rows(request, scene) if sight is Sight.EVERYTHING else _seen_before(request, scene)
    if sight is Sight.TUNES and _is_searched(request):
        tunes = _tunes(request, scene)
        rows = torch.where(_any(tunes), tunes, rows)
    if sight is not Sight.EVERYTHING and not rows.any():
        return scene
    inputs: Inputs = scene.inputs
    return replace(scene, inputs=inputs.showing(rows))


def seen(scene: Scene) -> Tensor | None:
    """Return what the network is shown [rows, frames, CONTROL_CHANNELS]; None where that is nothing."""
    inputs: Inputs = scene.inputs
    if inputs.controls is None:
        return None
    return inputs.controls.reshape(-1, scene.frames, CONTROL_CHANNELS)


def blind(scene: Scene) -> Scene:
    """Return the scene whose network is shown no targets."""
    return replace(scene, inputs=replace(scene.inputs, controls=None))


def _is_searched(request: LoopRequest) -> bool:
    budget = request.budget
    return request.method in ("ditto2", "ditto") and budget.steps != 0 and not budget.plain_start


def _tunes(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the tune that each row of `scene` is asked for, as strong as it is shown."""
    rows, kept = asked_rows(request, scene), torch.zeros(CONTROL_CHANNELS)
    kept[TUNE], kept[TUNE_KNOWN] = 1, 1
    return rows * kept * (LAYER_STRENGTH if scene.layers else 1.0)


def _seen_before(request: LoopRequest, scene: Scene) -> Tensor:
    """Return what the take that `request` begins from was shown, row by row; those that are made again see nothing."""
    rows = torch.zeros(max(1, len(scene.layers)), scene.frames, CONTROL_CHANNELS)
    stored = None if request.start is None else seen_from_bytes(request.start.noise)
    if stored is None or stored.seen.shape[1] != scene.frames:  # noise of another length is refused where it is used
        return rows
    if stored.seen.shape[2] != CONTROL_CHANNELS:
        raise BadInputError(NOT_A_TAKES)
    for place, name in enumerate(scene.layers or ("",)):
        if name in stored.layers and name not in request.again:
            rows[place] = stored.seen[stored.layers.index(name)]
    return rows


def _any(rows: Tensor) -> Tensor:
    return rows.flatten(1).any(1)[:, None, None]
