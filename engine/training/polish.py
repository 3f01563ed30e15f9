"""The student's last stage: adversarial training against two critics (discriminators).

    python -m engine.training.polish --data FOLDER --state FOLDER --teacher engine/pocket/weights --minutes 60

A student that only minimises the distance to its teacher's jumps predicts a mean wherever it is uncertain, and its
loops vary too little. Here the delivered chain is sampled from noise, one of its jumps with a gradient, and two critics
(`engine/training/critics.py`) judge the result, with some noise added and finished. A distance keeps the student near
its teacher. Other steps distil: they hold longer jumps to two half jumps of the student, and the flow to the teacher's.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.hardware import multiplies_bfloat16
from ..pocket import condition as conditioning
from ..pocket.latents import LatentMap
from ..pocket.network import PocketNetwork
from ..search.objective import sum_of
from . import checkpoint
from .batches import Batch, Batches, LoopSet
from .critics import PictureCritic, StateCritic
from .flow import drawn_times, exported

CHAIN_STEPS = 4  # of the chain that is delivered
JUMP_ODDS = (0.2, 0.2, 0.2, 0.4)  # of its jumps to be trained in a step: the last one makes the delivered latent
CRITIC_BLOCKS = (1, 3, 5, 6)  # of the flow, whose hidden states a critic gets
MIN_NOISE, NOISE_SPAN = 0.05, 0.6  # added for a critic: without noise it would detect how latents are rounded
DISTILLATION_WEIGHT = 2.0  # of the loss of a distillation step


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One piece of polishing; all that decides the result besides data, teacher and state."""

    minutes: float
    batch: int = 6
    windows: tuple[int, ...] = (192, 384)
    learning_rate: float = 2e-4
    critic_rate: float = 1.5e-3
    adversarial_weight: float = 0.5  # of the critics' scores beside the distance to the teacher
    distillation_share: float = 0.35  # of the steps; the others are adversarial
    warm_up_steps: int = 60  # in which the critic learns alone
    final_share: float = 0.3  # of the minutes, in which the rate falls
    averaging: float = 0.99
    seed: int = 0
    most_steps: int | None = None


class Polisher:
    """Student, its average, critics and their optimisers; saved together, resumed to the same step."""

    def __init__(self, recipe: Recipe, teacher: Path, state: Path, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.folder, self.device = recipe, state, device
        self.teacher = exported(teacher).to(device).eval().requires_grad_(False)
        self.student = exported(teacher).to(device)
        self._half_jumps = exported(teacher).to(device).eval().requires_grad_(False)
        self.average = checkpoint.copied(self.student)
        depth = len(self.teacher.blocks)
        latent_map = LatentMap.load(teacher / "latent_map.safetensors").to(device)
        self.critics = nn.ModuleDict(
            {
                "states": StateCritic(self.teacher.config["width"], tuple(b for b in CRITIC_BLOCKS if b < depth)),
                "picture": PictureCritic(latent_map, conditioning.CHANNELS),
            }
        ).to(device)
        self.optimizers = [
            torch.optim.AdamW(part.parameters(), lr=rate, betas=(0.5, 0.98), weight_decay=0.0)
            for part, rate in ((self.student, recipe.learning_rate), (self.critics, recipe.critic_rate))
        ]
        self._half = multiplies_bfloat16(device)
        self.step = 0
        self._clock = checkpoint.Clock(recipe.minutes)
        self._resume()
        # Each piece draws its own noise: the seed alone would repeat that of the piece before.
        torch.manual_seed(recipe.seed + self.step)

    def run(self, loops: Batches, clock: checkpoint.Clock | None = None) -> None:
        """Polish for the recipe's minutes or steps, saving every five minutes; prints one line every fifty steps.

        A `clock` of a longer stage says how much of it is done, and when to pause.
        """
        recipe = self.recipe
        self._clock = clock or checkpoint.Clock(recipe.minutes, most_steps=recipe.most_steps)
        generator = np.random.default_rng((recipe.seed, self.step))  # another stream than that of the batches
        batches = loops.batches(recipe.batch, recipe.seed + self.step, windows=recipe.windows)
        seen: list[dict[str, Tensor]] = []
        for share in self._clock.steps(self.save):
            rate = recipe.learning_rate * min(1.0, (1 - share) / max(recipe.final_share, 1e-9))
            for group in self.optimizers[0].param_groups:
                group["lr"] = rate
            batch = next(batches)
            warm = self.step >= recipe.warm_up_steps
            keeps = warm and generator.random() < recipe.distillation_share
            seen.append(
                self._distil(batch, generator) if keeps else self._adversarial_step(batch, generator, learns=warm)
            )
            self.step += 1
            checkpoint.update_average(self.average, self.student, self.recipe.averaging, self.step)
            if self.step % 50 == 0:
                self._report(seen[-50:], share)

    def _adversarial_step(self, batch: Batch, generator: np.random.Generator, *, learns: bool) -> dict[str, Tensor]:
        """Train the critics on one jump of the chain and, if it `learns`, the student against them; return losses."""
        jump = int(generator.choice(CHAIN_STEPS, p=JUMP_ODDS))
        start, end = 1 - jump / CHAIN_STEPS, 1 - (jump + 1) / CHAIN_STEPS
        with torch.no_grad():
            mixed = torch.randn_like(batch.latent)
            for earlier in range(jump):
                mixed = self._jumped(self.student, mixed, 1 - earlier / CHAIN_STEPS, 1 / CHAIN_STEPS, batch)
            known = self._jumped(self.teacher, mixed, start, start - end, batch)
        made = self._jumped(self.student, mixed, start, start - end, batch)
        # What the jump gives is as noisy as the chain is there; critics get it with that much noise or more.
        size = len(made)
        heard_at = torch.rand(size, device=self.device)[:, None, None] * NOISE_SPAN
        level = end + (1 - end) * heard_at if end else MIN_NOISE + heard_at
        kept = (1 - level) / (1 - end)
        more = (level.square() - (kept * end).square()).clamp_min(0).sqrt()
        false = kept * made + more * torch.randn_like(made)
        true = (1 - level) * batch.latent + level * torch.randn_like(made)
        finished = self._finished(made, end, batch)
        level = level[:, 0, 0]
        with torch.no_grad():
            true_features = self._features(true, level, batch)
        false_features = self._features(false, level, batch)
        true_scores = self._scores(true_features, batch.latent, batch)
        false_scores = self._scores([state.detach() for state in false_features], finished.detach(), batch)
        lost = sum_of(
            F.relu(1 - one).mean() + F.relu(1 + other).mean()
            for one, other in zip(true_scores, false_scores, strict=True)
        )
        self._descend(1, lost)
        distance = ((made - known) / (start - end)).square().mean()
        if learns:
            judged = sum_of(one.mean() for one in self._scores(false_features, finished, batch))
            self._descend(0, distance - self.recipe.adversarial_weight * judged)
        return {"critics": lost.detach() / len(true_scores), "distance": distance.detach()}

    def _finished(self, mixed: Tensor, time_: float, batch: Batch) -> Tensor:
        """Return the loop at the end of the chain that is at `mixed`: one more jump, two where none is long enough."""
        if time_ > 0.5:
            mixed, time_ = self._jumped(self.student, mixed, time_, time_ - 0.5, batch), 0.5
        return self._jumped(self.student, mixed, time_, time_, batch) if time_ else mixed

    def _distil(self, batch: Batch, generator: np.random.Generator) -> dict[str, Tensor]:
        """Train the flow towards the teacher's, or a long jump towards two half jumps of the averaged student."""
        noise = torch.randn_like(batch.latent)
        size = len(noise)
        if generator.random() < 0.5:
            start = end = drawn_times(size, self.device)
            mixed = batch.latent + start[:, None, None] * (noise - batch.latent)
            with torch.no_grad():
                wanted = self._velocity(self.teacher, mixed, start, end, batch, batch.controls)
        else:
            length = float(generator.choice((1.0, 0.5)))
            start = torch.randint(1, round(1 / length) + 1, (size,), device=self.device) * length
            middle, end = start - length / 2, start - length
            mixed = batch.latent + start[:, None, None] * (noise - batch.latent)
            self._half_jumps.load_state_dict(self.average)
            with torch.no_grad():
                first = self._velocity(self._half_jumps, mixed, start, middle, batch, batch.controls)
                halfway = mixed - length / 2 * first
                wanted = (first + self._velocity(self._half_jumps, halfway, middle, end, batch, batch.controls)) / 2
        off = (self._velocity(self.student, mixed, start, end, batch, batch.controls) - wanted).square().mean()
        self._descend(0, DISTILLATION_WEIGHT * off)
        return {"keeping": off.detach()}

    def _descend(self, which: int, loss: Tensor) -> None:
        optimizer = self.optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if which == 0:
            torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        optimizer.step()

    def _jumped(self, network: PocketNetwork, mixed: Tensor, start: float, length: float, batch: Batch) -> Tensor:
        """Return where a jump of `length` from time `start` leads; controls are never shown here."""
        here, there = (mixed.new_full((len(mixed),), moment) for moment in (start, start - length))
        return mixed - length * self._velocity(network, mixed, here, there, batch, None)

    def _velocity(
        self, network: PocketNetwork, mixed: Tensor, start: Tensor, end: Tensor, batch: Batch, controls: Tensor | None
    ) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            conditioning = batch.condition, batch.phases, controls, batch.layer, batch.context
            return network(mixed, start, end, *conditioning).float()

    def _features(self, latent: Tensor, level: Tensor, batch: Batch) -> list[Tensor]:
        """Return the frozen flow's features of `latent` at a `level` of noise: its blocks' states, then the summary."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            states, summary = self.teacher.states(
                latent, level, level, batch.condition, batch.phases, None, batch.layer, batch.context
            )
        return [state.float() for state in (*states, summary)]

    def _scores(self, features: list[Tensor], finished: Tensor, batch: Batch) -> list[Tensor]:
        """Return both critics' scores, above 0 for true: by the flow's `features`, and by the `finished` latent."""
        *states, summary = features
        scores = self.critics["states"](states, summary)
        return [scores.flatten(), self.critics["picture"](finished, batch.condition).flatten()]

    def save(self) -> None:
        """Write student, average, critic and optimisers."""
        minutes = self._clock.spent_minutes
        checkpoint.save(self.folder, self._networks, self.average, self.optimizers, self.step, minutes)

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.student, "critics": self.critics}

    def _resume(self) -> None:
        if (found := checkpoint.load(self.folder, self._networks, self.optimizers)) is not None:
            self.average, self.step = found

    def _report(self, seen: list[dict[str, Tensor]], share: float) -> None:
        line: dict[str, float] = {"step": self.step}
        for name in ("critics", "distance", "keeping"):
            values = [one[name] for one in seen if name in one]
            line |= {name: round(torch.stack(values).mean().item(), 4)} if values else {}
        line |= {
            "seconds": round(60 * self._clock.passed_minutes),
            "minutes_left": round(self._clock.minutes * (1 - share), 1),
        }
        checkpoint.report(self.folder, line)


def main() -> None:
    """Run one piece of polishing from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True, help="folder of exported weights: flow, first student")
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--windows", type=int, nargs="+", default=[192, 384])
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--contest", type=float, default=0.5, help="weight of the critics beside the distance")
    parser.add_argument("--final-share", type=float, default=0.3, help="share of the minutes in which the rate falls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="stop after so many, if the minutes are not over before")
    given = parser.parse_args()
    recipe = Recipe(
        minutes=given.minutes,
        batch=given.batch,
        windows=tuple(given.windows),
        learning_rate=given.learning_rate,
        adversarial_weight=given.contest,
        final_share=given.final_share,
        seed=given.seed,
        most_steps=given.steps,
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    Polisher(recipe, given.teacher, given.state, device).run(LoopSet.load(given.data, given.teacher, device=device))


if __name__ == "__main__":
    main()
