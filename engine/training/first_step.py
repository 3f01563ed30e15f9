"""Training the learned first step of `pocket`: amortised searches, by the search's own losses and proximal pull.

    python -m engine.training.first_step --state FOLDER --minutes 30 [--weights FOLDER] [--out FOLDER]

Requests are drawn as users ask: a genre and an instrument or two, one to four controls at once with curves, tunes and
grooves of every kind, as a full mix or in layers; seeds are above those of any benchmark. The change that the network
gives is brought back to the Gaussian's shell, and its loss goes through the model's own few-step chain.
"""

import argparse
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from midi.grooves.rhythm import Onset
from midi.key import MODES
from midi.notes import Note
from midi.tempo import SIXTEENTH

from ..controls import FeatureKind, find
from ..pocket.first_step import FirstStep
from ..pocket.layered import LayeredPocket, load_layered
from ..pocket.model import WEIGHTS
from ..pocket.words import WORDS
from ..request import MIX, Control, Curve, LoopRequest, Notes, Onsets, Point
from ..sampling import start_noise
from ..search import methods
from ..search.anchor import anchor_of, nearest_frames
from ..search.first_step import Sampled, sampled_by, stepped
from ..search.part import part_of
from ..search.surrogate import Chain, Correction, Problem, latent_of
from ..settings import Settings
from . import checkpoint

FIRST_SEED = 10_000_000  # those of benchmarks and tests lie below
MIX_DIMENSIONS = 3  # of the latents of a full mix: batch, frames, channels
NEAR_LOSS = {"intensity": 0.06, "melody": 0.4, "rhythm": 0.15, "brightness": 0.04}  # of a control that is followed
LOSS_WEIGHTS = {"melody": 4.0}  # its logarithm falls by 1 from none to all of a tune in place, where others fall by 4
PROXIMAL_WEIGHT = 3.0  # beside a control's loss, for each variance of distance from the anchor
CHARACTER_WEIGHT = 2.0  # for each squared distance in the embedding that may be optimised
NOISE_WEIGHT = 5.0  # the same for the distance from the noise
EXACT_SHARE = 0.1  # of first passes whose loss is by the chain that is delivered; the rest by the search's surrogate
PASSES_BEFORE = (0.45, 0.3, 0.25)  # shares of requests that show the first, the second and the third pass
LAYERED_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How long, in how large steps."""

    minutes: float
    controls: tuple[str, ...] = tuple(NEAR_LOSS)  # that it learns; a request with any other begins plainly
    requests: int = 4  # to a step
    learning_rate: float = 8e-4
    final_share: float = 0.4
    averaging: float = 0.995


def drawn_request(seed: int, known: Sequence[str] = tuple(NEAR_LOSS)) -> LoopRequest:
    """Return a request as a user might make it: words, tempo and length, and one to four of the `known` controls."""
    rng = random.Random(seed)
    genres, instruments = ([w.text for w in WORDS if w.group == group] for group in ("genre", "instrument"))
    prompt = ", ".join([rng.choice(genres), *rng.sample(instruments, rng.choice((0, 1, 1, 2)))])
    bars = rng.choice((1, 2, 2, 2, 4))
    request = LoopRequest(prompt=prompt, tempo_bpm=Fraction(rng.randint(75, 165)), bars=bars, seed=seed)
    count = min(rng.choices((1, 2, 3, 4), (6, 3, 2, 1))[0], len(known))
    kinds = rng.sample(known, count)
    controls = tuple(Control(kind=kind, target=TARGETS[kind](rng, request.beats)) for kind in kinds)
    return LoopRequest(prompt=prompt, tempo_bpm=request.tempo_bpm, bars=bars, seed=seed, controls=controls)


def _curve(rng: random.Random, beats: Fraction, low: float, high: float, unit: str) -> Curve:
    middle = sorted({Fraction(rng.randrange(1, int(4 * beats)), 4) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))})
    ground, reach = rng.uniform(low, high), rng.uniform(0, 0.6) * (high - low)
    values = [min(max(ground + rng.uniform(-reach, reach), low), high) for _ in range(len(middle) + 1)]
    if unit == "hz":
        values = [2**value for value in values]
    points = [Point(beat, value) for beat, value in zip((Fraction(0), *middle), values, strict=True)]
    return Curve(points=(*points, Point(beats, values[0])), unit=unit)  # type: ignore[arg-type]


def _level(rng: random.Random, beats: Fraction) -> Curve:
    return _curve(rng, beats, -38.0, -12.0, "db")


def _centroid(rng: random.Random, beats: Fraction) -> Curve:
    return _curve(rng, beats, math.log2(350), math.log2(5500), "hz")


def _tune(rng: random.Random, beats: Fraction) -> Notes:
    tonic, mode = rng.randrange(12), MODES[rng.choice(tuple(MODES))]
    scale = [tonic + step + 12 * octave for octave in (5, 6) for step in mode]
    lengths = rng.choice(((1, 2), (2, 4), (1, 2, 4), (4, 8), (4,)))
    place, start, notes = rng.randrange(len(scale)), Fraction(0), []
    while start < beats:
        length = min(SIXTEENTH * rng.choice(lengths), beats - start)
        if rng.random() > 0.1:
            notes.append(Note(scale[place], start, length * Fraction(15, 16)))
        place = min(max(place + rng.choice((-2, -1, -1, 0, 1, 1, 2, 4, -4)), 0), len(scale) - 1)
        start += length
    return Notes(notes=tuple(notes) or (Note(60, Fraction(0), beats),))


def _groove(rng: random.Random, beats: Fraction) -> Onsets:
    bar = [step for step in range(16) if rng.random() < (0.6 if step % 4 == 0 else 0.35 if step % 2 == 0 else 0.15)]
    bar = bar or [0]
    hits = [Onset(SIXTEENTH * (16 * turn + step), rng.uniform(0.4, 1.0)) for turn in range(64) for step in bar]
    return Onsets(onsets=tuple(hit for hit in hits if hit.beat < beats))


TARGETS: dict[str, Callable[[random.Random, Fraction], Curve | Notes | Onsets]] = {
    "intensity": _level, "melody": _tune, "rhythm": _groove, "brightness": _centroid,
}  # fmt: skip


class Trainer:
    """The network, its average and its optimiser; saved together, resumed to the same step."""

    def __init__(self, recipe: Recipe, model: LayeredPocket, state: Path, begin: Path | None = None) -> None:
        """Go on with `state`, or start a schedule of its own at what `begin` has learnt."""
        torch.manual_seed(0)
        self.recipe, self.model, self.state = recipe, model, state
        self.network = FirstStep(model.pocket.network.deviation, self._feature_kinds()).to(model.device)
        model.pocket.begins = self.network
        self.average = checkpoint.copied(self.network)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=0.0)
        self.step = 0
        source = state if begin is None or (state / checkpoint.FILE).exists() else begin
        known = self.network.known.clone()
        if (found := checkpoint.load(source, {"network": self.network}, [self.optimizer])) is not None:
            self.average, self.step = found
            for weights in (self.network.state_dict(), self.average):
                weights["known"].copy_(known)  # the recipe's, whatever was learnt before

    def run(self) -> None:
        """Train for the recipe's minutes, earlier runs counted in; print a line every 20 steps."""
        clock = checkpoint.Clock(self.recipe.minutes, spent_minutes=checkpoint.spent_minutes(self.state))
        seeds, seen = _seeds(self.step * self.recipe.requests), []
        for share in clock.steps(lambda: self.save(clock.spent_minutes)):
            rate = self.recipe.learning_rate * min(1.0, (self.step + 1) / 30)
            rate *= max(0.03, min(1.0, (1 - share) / self.recipe.final_share))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.zero_grad(set_to_none=True)
            seen += [self._once(next(seeds)) for _ in range(self.recipe.requests)]
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            self.step += 1
            checkpoint.update_average(self.average, self.network, self.recipe.averaging, self.step)
            if self.step % 20 == 0:
                self._report(seen, clock)
                seen.clear()

    def _once(self, seed: int) -> dict[str, float]:
        """Add the gradient of one request; return its distances before and after, in the controls' units."""
        rng = random.Random(seed + 1)
        problem, noise = self._problem(drawn_request(seed, self.recipe.controls), layered=rng.random() < LAYERED_SHARE)
        model, scene, objective = problem
        exact = Chain(steps=model.card.decode_steps, sampler=model.card.sampler)
        surrogate = Chain(steps=model.card.surrogate_steps, sampler=model.card.sampler)
        passes = rng.choices((0, 1, 2), PASSES_BEFORE)[0]
        seen, anchor = _led_to(problem, noise, surrogate, exact, passes)
        before = seen.evaluated(problem)
        moved = stepped(problem, seen, anchor)
        by_exact = not passes and rng.random() < EXACT_SHARE
        after = latent_of(model, scene, moved, exact if by_exact else surrogate, checkpoint=by_exact)
        after, spectrum = seen.correction.applied(model, scene, after)
        losses = objective.losses(spectrum, after)
        # Logarithms pull near the target and far from it; a share of the loss would let go of what went far astray.
        loss = sum(LOSS_WEIGHTS.get(name, 1.0) * torch.log1p(losses[name] / NEAR_LOSS[name]).mean() for name in losses)
        away = self._away(problem, after, anchor)
        loss = loss + PROXIMAL_WEIGHT * away + CHARACTER_WEIGHT * self._other_character(after, anchor)
        loss = loss + NOISE_WEIGHT * (moved - noise).square().mean()
        if not torch.isfinite(loss):  # a layer that fell silent has no rhythm to correlate with
            return {}
        (loss / self.recipe.requests).backward()
        found = objective.distances(spectrum, after)
        kind = f"pass {passes + 1}" if passes else "exact" if by_exact else "surrogate"
        before_kind = f"before pass {passes + 1}" if passes else "before"
        rows = {}
        for name, distance in found.items():
            unit = find(name).tolerance
            rows[f"{name} {kind}"] = float(distance) * unit
            rows[f"{name} {before_kind}"] = float(before.distances[name]) * unit
        return rows | {"away": float(away.detach()), "moved": float((moved - noise).detach().square().mean())}

    def _away(self, problem: Problem, latent: Tensor, anchor: Tensor) -> Tensor:
        """Return the mean square distance from what the search's anchor pulls to, in variances of the latent."""
        _, scene, objective = problem
        near = anchor
        if objective.time_invariant:  # as the search pulls: to the same sounds, at whatever time they occur
            near = nearest_frames(latent.detach(), anchor, scene.time_axis, layered=bool(scene.layers))
        return ((latent - near) / self.network.deviation).square().mean()

    def _other_character(self, latent: Tensor, anchor: Tensor) -> Tensor:
        """Return the squared distance of two latents in the embedding that may be optimised; of a full mix only."""
        if latent.dim() > MIX_DIMENSIONS or (now := self.model.pocket.character(latent)) is None:
            return latent.new_zeros(())
        with torch.no_grad():
            was = self.model.pocket.character(anchor)
        assert was is not None
        return (now - was).square().sum(1).mean()

    def _problem(self, request: LoopRequest, *, layered: bool) -> tuple[Problem, Tensor]:
        """Return the search of `request` and its noise: of a full mix, or of the layers that its controls reach."""
        asked = request if layered else msgspec.structs.replace(request, layers=(MIX,))
        whole = self.model.scene(asked)  # without conditioning layers on each other, which would take most of the time
        part = part_of(asked, whole, self.model)
        noise = part.of(start_noise(whole, request.seed))
        return Problem(self.model, part.scene, methods.objective_of(asked, part.scene, self.model)), noise

    def save(self, minutes: float) -> None:
        """Write weights, averaged weights and optimiser state."""
        checkpoint.save(self.state, {"network": self.network}, self.average, [self.optimizer], self.step, minutes)

    def export(self, out: Path) -> None:
        """Write the averaged weights beside the model's."""
        averaged = FirstStep(self.model.pocket.network.deviation, self._feature_kinds())
        averaged.load_state_dict(self.average)
        averaged.save(out)

    def _feature_kinds(self) -> frozenset[FeatureKind]:
        kinds = {find(name).feature for name in self.recipe.controls}
        return frozenset(kind for kind in kinds if kind is not None)

    def _report(self, seen: list[dict[str, float]], clock: checkpoint.Clock) -> None:
        names = sorted({name for row in seen for name in row})
        median = {n: round(float(torch.tensor([row[n] for row in seen if n in row]).median()), 3) for n in names}
        left = {"minutes_left": round(clock.minutes - clock.spent_minutes, 1)}
        checkpoint.report(self.state, {"step": self.step} | median | left)


@torch.no_grad()
def _led_to(problem: Problem, noise: Tensor, surrogate: Chain, exact: Chain, passes: int) -> tuple[Sampled, Tensor]:
    """Return what the pass after so many `passes` sees of `noise`, and the anchor of the noise before them."""
    model, scene, objective = problem
    seen = sampled_by(problem, noise, surrogate)
    anchor = anchor_of(model, objective, seen.latent.detach(), seen.evaluated(problem).spectrum)
    for _ in range(passes):
        seen = sampled_by(problem, stepped(problem, seen, anchor), surrogate)
        delivered = latent_of(model, scene, seen.noise, exact, checkpoint=False)
        seen = seen._replace(correction=Correction(latent=delivered - seen.latent.detach()))
    return seen, anchor


def _seeds(done: int) -> Iterator[int]:
    seed = FIRST_SEED + done
    while True:
        yield seed
        seed += 1


def main() -> None:
    """Train from the command line; the same command goes on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--begin", type=Path, help="a finished state to start from, with a schedule of its own")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--controls", default=",".join(NEAR_LOSS), help="that it learns")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--out", type=Path, help="a folder of weights to put it beside, when the minutes are over")
    given = parser.parse_args()
    recipe = Recipe(minutes=given.minutes, controls=tuple(given.controls.split(",")))
    trainer = Trainer(recipe, load_layered(Settings(), given.weights), given.state, given.begin)
    started = time.monotonic()
    trainer.run()
    print(f"{trainer.step} steps, {(time.monotonic() - started) / 60:.1f} minutes")  # noqa: T201
    if given.out is not None:
        trainer.export(given.out)


if __name__ == "__main__":
    main()
