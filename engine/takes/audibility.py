"""Keeps a layer with a target of its own, such as a lead with a melody, audible beside the other layers.

The network may leave a layer silent, and a search that stays near such a loop would follow the target inaudibly. So the
search stays near what the network plays with the target as its control input, and a layer that is too soft in the end
gets one constant gain.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from .. import controls, metrics
from ..audio.finish import Finished
from ..metrics.verdict import Grade
from ..models.protocol import Layers, Scene, controls_of
from ..request import Method
from ..search.surrogate import latent_of
from .prepared import Prepared

MIN_DB = -12.0  # RMS of such a layer over that of all others together, to which it is raised
MAX_RAISED_DB = 30.0
RESTING_DB = -24.0  # under this level over the others a layer counts as silent, and no search stays near it
SOFTER_DB = 0.05  # by which layers that stay may be softer than in their take before it is told
SHARES = (1.0, 0.75, 0.5, 0.25)  # of the missing decibels, tried in turn where a level is a target, too


def anchor_latent(ready: Prepared, uncontrolled: Tensor) -> Tensor:
    """Return the latent near which a search stays: `uncontrolled` [takes, ...], of the part of the loop that it moves.

    A layer that is silent there and has control inputs is replaced by what the network plays with these.
    """
    model, part = ready.model, ready.part.scene
    inputs = controls_of(model, part)
    if inputs is None or not isinstance(model, Layers):
        return uncontrolled
    whole = ready.part.put(uncontrolled, ready.still)
    plays = torch.ones(len(whole), len(part.layers), dtype=torch.bool, device=whole.device)
    for place, name in enumerate(part.layers):
        others = [other for other in ready.scene.audible if other != name]
        if others and inputs[place].any():
            own, rest = (_level_db(model, whole, ready.scene, names) for names in ([name], others))
            plays[:, place] = own - rest >= RESTING_DB
    if plays.all():
        return uncontrolled
    played = latent_of(model, part, ready.part.of(ready.noise), ready.plan.decode, checkpoint=False)
    return uncontrolled.where(plays.view(*plays.shape, *[1] * (whole.dim() - 2)), played)


def raised_db(ready: Prepared, stems: Tensor, mixed: Callable[[Tensor], Finished]) -> Tensor:
    """Return by how much each of `stems` [layers, channels, samples] is raised, in dB: [layers].

    `mixed` makes the loop with such gains [layers]. Where a control asks for a level, which the search has reached
    without these gains, they are reduced until the level is followed no worse. A take that is rebuilt has its stored
    gains, and so have layers that stay.
    """
    stored_db, stays = ready.initial.raised_db, ready.initial.stay
    if stored_db is not None and not stays:
        return stored_db
    kept_db = torch.zeros(len(stems))
    if stored_db is not None:
        kept_db = stored_db * torch.tensor([name in stays for name in ready.scene.layers])
    missing_db = _missing_db(ready, stems * 10 ** (kept_db / 20)[:, None, None])
    if not missing_db.any() or not controls.asks_level(part.kind for part in ready.request.controls):
        return kept_db + missing_db
    before = _followed(ready, mixed(kept_db))
    shares = (share for share in SHARES if _followed(ready, mixed(kept_db + share * missing_db)) <= before)
    return kept_db + next(shares, 0.0) * missing_db


def sentences(ready: Prepared, made: Finished) -> Iterator[str]:
    """Yield a sentence on each layer that was raised, and one where layers that stay are softer than in their take."""
    kept_db = ready.initial.gain_db
    if kept_db is not None and made.gain_db < kept_db - SOFTER_DB:
        softer = f"{kept_db - made.gain_db:.1f} dB softer than in the take"
        yield f"All layers are {softer}, so that the loop's peaks do not clip."
    for name, db in zip(ready.scene.layers, made.raised_db, strict=False):
        if db >= 1:
            yield f"The {name} was soft, and is {db:.0f} dB louder so that it is heard."


def _missing_db(ready: Prepared, stems: Tensor) -> Tensor:
    """Return by how many dB each layer with a target of its own is too soft beside the others: [layers], else 0."""
    scene, missing_db, power = ready.scene, torch.zeros(len(stems)), stems.square().mean((1, 2))
    if ready.request.method is Method.NONE:  # the loop that the seed gives, whatever is asked
        return missing_db
    rows = ((controls.find(part.kind), part.on) for part in ready.request.controls)
    led = {name for row, on in rows if not row.asks_level for name in row.layers_in(scene, on)}
    for place, name in enumerate(scene.layers):
        others = [index for index, other in enumerate(scene.layers) if other in scene.audible and index != place]
        rest = stems[others].sum(0).square().mean()
        if name in led and name in scene.audible and name not in ready.initial.stay and power[place] > 0 and rest > 0:
            missing = MIN_DB - 10 * float((power[place] / rest).log10())
            missing_db[place] = min(max(missing, 0.0), MAX_RAISED_DB)
    return missing_db


def _level_db(model: Layers, latent: Tensor, scene: Scene, layers: list[str]) -> Tensor:
    """Return the mean level of some layers of a latent [takes, layers, ...]: [takes]."""
    return 10 * model.listen_to(latent, scene, layers).level_power.mean(1).log10()


def _followed(ready: Prepared, made: Finished) -> int:
    """Return the worst grade of the controls that ask for a level, as its index in `Grade`: 0 is good."""
    judges = {kind: metric for kind, metric in controls.metrics().items() if controls.find(kind).asks_level}
    request, heard = ready.request, partial(made.heard, scene=ready.scene)
    verdicts = metrics.judge(made.audio, request.sample_rate, request, judges, heard)
    return max((list(Grade).index(one.grade) for one in verdicts), default=0)
