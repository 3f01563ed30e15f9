"""The optional control inputs of `pocket`: what trained controls would be told, frame by frame.

They make the model its own Music-ControlNet-style baseline and a warm start for the optimiser; with all flags
zero the model is free. Channels: intensity and its flag, twelve of chroma and their flag, onsets and their flag.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import convolve1d
from torch import Tensor

from midi.melody import melody, pitch_class_target

from ..controls import Shown, find
from ..curves import level_db, smoothing_kernel
from ..models.protocol import Scene
from ..request import Control, Curve, LoopRequest, Notes, Onsets
from .bands import FRAMES_PER_LATENT, SAMPLE_RATE
from .network import CONTROL_CHANNELS
from .sound import spectrum_of

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
            asked["onsets"] = _pulses(hits, float(request.beats), frames)
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


def control_inputs(log_power: Tensor, labels: Mapping[str, Any]) -> NDArray[np.float32]:
    """Return what the controls would have said of a training loop: its own level, tune and hits."""
    frames = log_power.shape[0] // FRAMES_PER_LATENT
    seconds = labels["samples"] / SAMPLE_RATE
    # Of the mono mix: so the weights of pocket-told have learnt it.
    power = spectrum_of(log_power[None], 1.0).power.sum(1)[0]
    level_db = 10 * torch.log10(power + 1e-10).numpy().astype(np.float64)
    window = min(len(level_db) - 1, round(len(level_db) / seconds)) // 2 * 2 + 1
    smooth = convolve1d(np.maximum(level_db, -60), smoothing_kernel(window), mode="wrap") if window > 3 else level_db
    return channels(
        frames,
        intensity_db=smooth.reshape(-1, FRAMES_PER_LATENT).mean(1),
        pitch_classes=_tune(labels["tune"], labels["beats"], frames) if labels["tune"] else None,
        onsets=_pulses(labels["hits"], labels["beats"], frames) if labels["hits"] else None,
    )


def _tune(notes: Sequence[Sequence[float]], beats: float, frames: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    classes, sounding = np.zeros(frames, np.int64), np.zeros(frames, np.bool_)
    for start, length, pitch in notes:
        where = np.arange(round(start / beats * frames), max(round((start + length) / beats * frames), 1)) % frames
        classes[where], sounding[where] = int(pitch) % 12, True
    return classes, sounding


def _pulses(hits: Sequence[Sequence[float]], beats: float, frames: int) -> NDArray[np.float64]:
    pulses = np.zeros(frames)
    for beat, strength in hits:
        index = round(beat / beats * frames) % frames
        pulses[index] = max(pulses[index], strength)
    return pulses
