"""What all baselines share: a request as one model sees it, DITTO's search through any chain, and the file's score.

A baseline is a chain: a function from noise [batch, *noise_shape] to a latent of the same shape. Every one of them has
the same request, noise, losses and tolerances (those of `ditto-paper`), and is read back from a file.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.quality.control import UNHURRIED
from benchmarks.quality.pocket import full_mix_weights as full_mix_weights
from benchmarks.rows import Row
from engine import controls, metrics
from engine.audio import finish as loop
from engine.audio.wav import read_audio, write_loop
from engine.models import decode
from engine.models.catalogue import compiled
from engine.models.protocol import EmbeddingDistance, Model, Scene
from engine.pocket.controls import ControlInputs
from engine.pocket.model import Pocket, load_pocket
from engine.request import LoopRequest, Method
from engine.search import methods
from engine.search.minimize import minimize
from engine.search.objective import Evaluation, Objective
from engine.search.surrogate import latent_of
from engine.settings import Settings

Chain = Callable[[Tensor], Tensor]
"""From noise to latent, both [batch, *noise_shape], carrying the gradient."""


class Setting(NamedTuple):
    """A request as one model sees it, with the paper's objective."""

    request: LoopRequest
    model: Model
    scene: Scene
    objective: Objective

    def evaluate(self, latent: Tensor) -> Evaluation:
        """Return losses and distances of a latent [batch, *noise_shape]."""
        return self.objective.evaluate(self.model.listen(latent, self.scene), latent)

    def loss(self, latent: Tensor) -> Tensor:
        """Return the weighted sum of losses of a latent, carrying the gradient: [batch]."""
        spectrum = self.model.listen(latent, self.scene)
        return self.objective.total(self.objective.losses(spectrum, latent), spectrum)


def full_mix(dtype: str = "auto") -> Pocket:
    """Return `pocket` as one sound of everything that is shown no targets: as the papers' models are.

    Compiled where `DITTO_COMPILE` says so: the long searches of the papers then take seven tenths of their time.
    """
    settings = Settings(dtype=dtype)
    model = compiled(load_pocket(settings, inputs=ControlInputs.OFF), settings)
    assert isinstance(model, Pocket)
    return model


def setting_of(request: LoopRequest, model: Model) -> Setting:
    """Return the setting of a request, with the losses, weights and tolerances of `ditto-paper`."""
    asked = msgspec.structs.replace(request, method=Method.DITTO_PAPER)
    scene = model.scene(asked)
    return Setting(asked, model, scene, methods.objective_of(asked, scene, model))


def delivered(setting: Setting, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the noise that `ditto2` finds for the setting's objective, from `noise`, and its latent as delivered."""
    request = msgspec.structs.replace(setting.request, method=Method.DITTO2, budget=UNHURRIED)
    plan = methods.plan(request, setting.model, setting.objective)
    *_, step = minimize(plan, setting.objective, setting.model, setting.scene, noise)
    with torch.no_grad():
        latent = latent_of(setting.model, setting.scene, step.best_noise, plan.decode, checkpoint=False)
    return step.best_noise, latent


class Found(NamedTuple):
    """The best noise of a search with its latent; `reached` counts steps to the tolerances, None where it never was."""

    noise: Tensor
    latent: Tensor
    steps: int
    reached: int | None


def search(setting: Setting, chain: Chain, noise: Tensor, *, steps: int, rate: float = methods.PAPER_RATE) -> Found:
    """Return what DITTO's search finds through `chain`: Adam at `rate` for `steps` steps, or to all tolerances."""
    moved = noise.detach().clone().requires_grad_()
    adam = torch.optim.Adam([moved], rate)
    best: tuple[float, Tensor, Tensor] | None = None
    reached, step = None, 0
    for step in range(steps + 1):
        last = step == steps
        with torch.set_grad_enabled(not last):
            latent = chain(moved)
            found = setting.evaluate(latent)
        total = float(found.total)
        if best is None or total < best[0]:
            best = total, moved.detach().clone(), latent.detach()
        if bool((found.farthest <= 1).all()):
            reached = step
            break
        if not last:
            adam.zero_grad()
            setting.loss(latent).sum().backward()
            adam.step()
    assert best is not None
    return Found(best[1], best[2], step, reached)


def finished(setting: Setting, latent: Tensor) -> NDArray[np.float32]:
    """Return the loop [2, samples] of a latent [1, *noise_shape] as it is delivered."""
    with torch.no_grad():
        sound = decode.to_audio(setting.model, setting.scene, setting.objective.with_kept_frames(latent))[0]
    return loop.finish(sound, setting.scene, setting.request).audio


def scored(setting: Setting, latent: Tensor, noise: Tensor) -> Row:
    """Return the scores of a latent's file, and how far it is from the uncontrolled loop of `noise`."""
    request, audio = setting.request, finished(setting, latent)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.wav"
        write_loop(
            file, audio, request.sample_rate, tempo_bpm=request.tempo_bpm, beats=request.beats, meter=request.meter
        )
        written, rate = read_audio(file)
    row: Row = dict(metrics.score(written, rate, request, controls.metrics()))
    if isinstance(setting.model, EmbeddingDistance):
        row["embedding_distance"] = setting.model.embedding_distance(latent, noise, setting.scene)
    return row
