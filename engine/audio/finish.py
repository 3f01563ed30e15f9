"""From the model's waveform to the loop that is delivered: exact length, one gain. Nothing else.

The delivered loop is the model's sound, resampled to the exact length and multiplied by ONE number. No crossfade, no
mixing, no gain that changes over time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .. import controls
from ..errors import BadInputError, InternalError
from ..metrics import peak
from ..models.protocol import Scene
from ..request import Control, LoopRequest
from .resample import resampled

F = TypeVar("F", np.float32, np.float64)

CEILING_DBTP = -1.0
ROUNDING_DB = 1e-4  # by which the 24 bits of a file may raise a peak between samples
STEM_CEILING_DBTP = 0.0  # a stem may be louder than the mix, where layers cancel
MAX_LEVEL_DB = 12.0  # largest gain, either way, to the level that a control asks for
MAX_LOUDNESS_DB = 30.0  # largest gain, either way, to the model's usual loudness


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A loop at the request's rate: `audio` float32 [2, request.samples], with its gain.

    Of a loop in layers, the `stems` [layers, channels, request.samples] that are not muted add up to it. `raised_db`
    says by how much each of them was raised before that; it is empty where none could be.
    """

    audio: NDArray[np.float32]
    gain_db: float
    stems: NDArray[np.float32] | None = None
    raised_db: tuple[float, ...] = ()

    def heard(self, control: Control, scene: Scene) -> NDArray[np.float32]:
        """Return the sum of the layers that `control` moves, [channels, request.samples]; the loop for all of them."""
        return _heard(self.audio, self.stems, control, scene)

    def layers(self, scene: Scene, names: Collection[str]) -> NDArray[np.float32]:
        """Return the sum of the layers `names`, [channels, request.samples]; the loop where it has none of them."""
        return _sum_of(self.audio, self.stems, scene, names)


def finish(
    audio: Tensor | NDArray[np.floating],
    scene: Scene,
    request: LoopRequest,
    *,
    stems: Tensor | NDArray[np.floating] | None = None,
    kept_gain_db: float | None = None,
) -> Finished:
    """Return the loop of `audio` [channels, model_samples] at the model's rate.

    The gain brings the loop to the level that a control asks for, else to the scene's usual loudness; a `kept_gain_db`,
    of the take whose layers stay, comes in its place. It keeps the true peak at or under -1 dBTP in either case.
    The `stems` [layers, channels, model_samples] get the same gain; the gain is lowered until the true
    peak of each that is heard or delivered is at or under 0 dBTP. `audio` is the sum of those that are not muted.
    Raises `InternalError` for values that are not finite.
    """
    exact = _exact(audio, scene, request)
    parts = None if stems is None else np.stack([_exact(stem, scene, request) for stem in stems])
    wanted_db = _level_offset_db(exact, parts, scene, request) if kept_gain_db is None else kept_gain_db
    gain_db = min(wanted_db, CEILING_DBTP - ROUNDING_DB - peak.played_peak_db(exact, loop=request.loop))
    for part in () if parts is None else _delivered(parts, scene, request):
        if not peak.is_played_peak_under(part, STEM_CEILING_DBTP - gain_db, loop=request.loop):
            gain_db = min(gain_db, STEM_CEILING_DBTP - peak.played_peak_db(part, loop=request.loop))
    gain = 10 ** (gain_db / 20)
    return Finished(
        audio=(exact * gain).astype(np.float32),
        gain_db=gain_db,
        stems=None if parts is None else (parts * gain).astype(np.float32),
    )


def _delivered(stems: NDArray[np.float64], scene: Scene, request: LoopRequest) -> NDArray[np.float64]:
    """Return the stems without those that nobody hears: a muted one that is no file must not turn the loop down."""
    if request.stems or not scene.muted:
        return stems
    return stems[[index for index, name in enumerate(scene.layers) if name not in scene.muted]]


def _exact(audio: Tensor | NDArray[np.floating], scene: Scene, request: LoopRequest) -> NDArray[np.float64]:
    """Return the loop at its exact length [2, request.samples], without gain; a mono sound is on both sides."""
    values = np.asarray(audio, dtype=np.float64)[:, scene.lead_samples : scene.lead_samples + scene.loop_samples]
    if not np.isfinite(values).all():
        raise InternalError("The model's sound holds values that are not numbers.")
    stereo = np.repeat(values, 2, 0) if len(values) == 1 else values
    return resampled(stereo, request.samples, circular=request.loop)


def _heard(audio: NDArray[F], stems: NDArray[F] | None, control: Control, scene: Scene) -> NDArray[F]:
    return _sum_of(audio, stems, scene, controls.find(control.kind).layers_in(scene, control.on))


def _sum_of(audio: NDArray[F], stems: NDArray[F] | None, scene: Scene, names: Collection[str]) -> NDArray[F]:
    places = [index for index, name in enumerate(scene.layers) if name in names]
    return audio if stems is None or not places else np.asarray(stems[places].sum(0))


def _level_offset_db(
    audio: NDArray[np.float64], stems: NDArray[np.float64] | None, scene: Scene, request: LoopRequest
) -> float:
    """Return the gain in dB to the level that a control asks for, else to the scene's usual loudness."""
    if controls.asks_level(part.kind for part in request.controls):
        return _asked_offset_db(audio, stems, scene, request)
    if scene.loudness_lufs is None or any(controls.find(part.kind).keeps_level for part in request.controls):
        return 0.0
    found_lufs = peak.loudness_lufs(audio, request.sample_rate)
    return float(np.clip(scene.loudness_lufs - found_lufs, -MAX_LOUDNESS_DB, MAX_LOUDNESS_DB))


def _asked_offset_db(
    audio: NDArray[np.float64], stems: NDArray[np.float64] | None, scene: Scene, request: LoopRequest
) -> float:
    """Return the gain in dB by the metric of the first control that asks for a level; 0 without such a metric."""
    for part in request.controls:
        row = controls.find(part.kind)
        if row.asks_level and row.metric is not None and row.metric.offset_db is not None:
            try:
                heard = _heard(audio, stems, part, scene)
                offset_db = row.metric.offset_db(heard, request.sample_rate, request, part)
            except BadInputError:  # of a control from outside this package; the loop is delivered
                return 0.0
            return float(np.clip(offset_db, -MAX_LEVEL_DB, MAX_LEVEL_DB))
    return 0.0
