"""Training `pocket`: rectified flow first, then its own few-step student, in resumable, timed pieces.

    python -m engine.training.flow --data FOLDER --state FOLDER --minutes 60 [--student 0.5]

Phase one learns the flow's velocity (r = t): x_t = (1 - t) x_0 + t eps, target eps - x_0. Phase two
(`--student` above 0) gives that share of each batch to jumps over dyadic steps: the target of a jump is two half
jumps of the averaged network itself (shortcut models, Frans et al. 2024), and of the shortest one a guided
Euler step of the teacher, so that guidance costs the student nothing.
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ..models.hardware import multiplies_bfloat16
from ..pocket import condition as conditioning
from ..pocket.network import LAYERED, OWN_WEIGHTS, PocketNetwork, in_layers
from ..pocket.scenes import TEACHER_GUIDANCE
from . import checkpoint
from .batches import Batch, Batches, LoopSet
from .layer_batches import LayerSet
from .muon import Muon

SHORTEST_JUMP = 1 / 16
JUMP_WEIGHT = 5.0  # a jump's target is exact, where most of the flow's loss is noise that nobody can learn


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One piece of training; all that decides the result besides data and state."""

    minutes: float
    student: float = 0.0
    batch: int = 16
    learning_rate: float = 2e-3
    warm_up_steps: int = 200
    final_share: float = 0.25  # the last share of the minutes lets the rate fall to a fiftieth; 0 keeps it
    seed: int = 0
    windows: tuple[int, ...] = ()  # train on pieces of so many frames, each as often, instead of whole loops
    teacher: Path | None = None  # state of a flow whose velocity the shortest jumps follow; else the average's own
    averaging: float = 0.999  # of the weights that are kept, used, and jumped after
    compiled: bool = False
    most_steps: int | None = None  # of this piece; None is as many as the minutes allow
    only: tuple[str, ...] = ()  # train parameters whose names end so, the rest stays; all if empty
    width: int = 256
    depth: int = 7
    layered: bool = False  # train what tells the network layers and their contexts, and nothing else
    own: bool = False  # train weights of its own for the layer that has them, and what tells it its context


class Trainer:
    """Network, averaged network and optimisers; saved together, resumed to the same step."""

    def __init__(self, recipe: Recipe, deviation: Tensor, state: Path, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.state, self.device = recipe, state, device
        self.network = PocketNetwork(
            channels=len(deviation),
            width=recipe.width,
            depth=recipe.depth,
            condition_channels=conditioning.CHANNELS,
            layered=recipe.layered,
        ).to(device)
        self.network.deviation.copy_(deviation)
        self.average = checkpoint.copied(self.network)
        # Muon (orthogonalised momentum) for the matrices that see every frame; modulations see one condition a loop,
        # a rank that orthogonalising would blow up, and stay with AdamW like the rest.
        # Layers are learnt beside a network that stays as it is, so that its whole mixes do, too.
        only = (*OWN_WEIGHTS, *LAYERED) if recipe.own else LAYERED if recipe.layered else recipe.only
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not only or name.endswith(only))
        trained = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        matrices = [p for n, p in trained if _sees_every_frame(n, p)]
        chosen = {id(parameter) for parameter in matrices}
        others = [p for _, p in trained if id(p) not in chosen]
        rate = recipe.learning_rate
        self.optimizers = [
            *([Muon(matrices, lr=rate, weight_decay=0.01)] if matrices else []),
            torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        # Worth its half minute for pieces, which are all of few shapes; whole loops come in too many.
        self._trained = self._compiled(self.network)
        self._half = multiplies_bfloat16(device)
        self.step = 0
        self._clock = checkpoint.Clock(recipe.minutes)
        self._teacher: PocketNetwork | None = None
        self._compiled_average: Callable[..., Tensor] | None = None
        self._compiled_teacher: Callable[..., Tensor] | None = None
        self._resume()
        # Each piece draws its own noise: the seed alone would repeat that of the piece before.
        torch.manual_seed(recipe.seed + self.step)

    def run(self, loops: Batches, clock: checkpoint.Clock | None = None) -> None:
        """Train for the recipe's minutes or steps, saving every five minutes; prints one line a hundred steps.

        A `clock` of a longer stage says how much of it is done, and when to pause.
        """
        recipe = self.recipe
        self._clock = clock or checkpoint.Clock(recipe.minutes, most_steps=recipe.most_steps)
        losses: list[tuple[Tensor, Tensor]] = []
        batches = loops.batches(recipe.batch, recipe.seed + self.step, windows=recipe.windows)
        for share in self._clock.steps(self.save):
            losses.append(self._train_once(next(batches), self._rate(share)))
            if self.step % 100 == 0:
                self._report(losses, share)
                losses.clear()

    def _rate(self, share: float) -> float:
        warm = min(1.0, (self.step + 1) / self.recipe.warm_up_steps)
        left = min(1.0, (1 - share) / self.recipe.final_share) if self.recipe.final_share else 1.0
        return self.recipe.learning_rate * warm * max(left, 0.02)

    def _train_once(self, batch: Batch, rate: float) -> tuple[Tensor, Tensor]:
        """Take one step; the losses stay on the device, as to read them is to wait for it."""
        flow_loss, jump_loss = self._losses(batch)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
        (flow_loss + JUMP_WEIGHT * jump_loss).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        checkpoint.update_average(self.average, self.network, self.recipe.averaging, self.step)
        return flow_loss.detach(), jump_loss.detach()

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        size = len(batch.latent)
        jumps = round(self.recipe.student * size)
        noise = torch.randn_like(batch.latent)
        flow = batch.rows(slice(jumps, size))
        time_ = drawn_times(size - jumps, self.device)
        target = noise[jumps:] - flow.latent
        mixed = flow.latent + time_[:, None, None] * target
        error = self._velocity(self._trained, mixed, time_, time_, flow) - target
        flow_loss = error.square().mean() * ((size - jumps) / size)
        if not jumps:
            return flow_loss, flow_loss.new_zeros(())
        return flow_loss, self._jump_loss(batch.rows(slice(0, jumps)), noise[:jumps]) * (jumps / size)

    def _jump_loss(self, batch: Batch, noise: Tensor) -> Tensor:
        """Match a jump to two half jumps of the averaged network, or the shortest to the guided teacher."""
        size = len(noise)
        length = torch.tensor([1.0, 0.5, 0.25, 0.125])[torch.multinomial(torch.ones(4), 1)].item()
        grid = torch.randint(1, round(1 / length) + 1, (size,), device=self.device) * length
        start, middle, end = grid, grid - length / 2, grid - length
        mixed = batch.latent + start[:, None, None] * (noise - batch.latent)
        teacher = self._average_network()
        with torch.no_grad():
            if length / 2 <= SHORTEST_JUMP:
                guide = self._guided_network(teacher)
                first = self._guided(guide, mixed, start, batch)
                halfway = mixed - (length / 2) * first
                second = self._guided(guide, halfway, middle, batch)
            else:
                first = self._velocity(teacher, mixed, start, middle, batch)
                halfway = mixed - (length / 2) * first
                second = self._velocity(teacher, halfway, middle, end, batch)
        answer = self._velocity(self._trained, mixed, start, end, batch)
        return (answer - (first + second) / 2).square().mean()

    def _guided(self, network: Callable[..., Tensor], mixed: Tensor, time_: Tensor, batch: Batch) -> Tensor:
        conditional = self._velocity(network, mixed, time_, time_, batch)
        unconditional = self._velocity(network, mixed, time_, time_, batch.unconditional())
        return unconditional + TEACHER_GUIDANCE * (conditional - unconditional)  # folded into the student

    def _velocity(
        self, network: Callable[..., Tensor], mixed: Tensor, time_: Tensor, until: Tensor, batch: Batch
    ) -> Tensor:
        conditioning_rows = batch.condition, batch.phases, batch.controls, batch.layer, batch.context
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._half):
            return network(mixed, time_, until, *conditioning_rows).float()

    def _averaged(self) -> PocketNetwork:
        fresh = self._teacher is None
        if self._teacher is None:
            self._teacher = PocketNetwork(**self.network.config).to(self.device).eval().requires_grad_(False)
        if fresh or self.step % 20 == 0:
            self._teacher.load_state_dict(self.average)
        return self._teacher

    def _compiled(self, network: PocketNetwork) -> Callable[..., Tensor]:
        if not self.recipe.compiled:
            return network
        torch._dynamo.config.recompile_limit = 64  # several networks, each for several shapes
        compiled: Callable[..., Tensor] = torch.compile(network, dynamic=False)
        return compiled

    def _average_network(self) -> Callable[..., Tensor]:
        """Return the averaged network, compiled where the recipe says so."""
        network = self._averaged()
        if self._compiled_average is None:
            self._compiled_average = self._compiled(network)
        return self._compiled_average

    def _guided_network(self, averaged: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return whose velocity is guided: a frozen flow's, where there is one.

        The averaged network's own velocity drifts towards its guided jumps, and guiding it again compounds: after half
        an hour loops were 8 dB too loud.
        """
        if self.recipe.teacher is None:
            return averaged
        if self._compiled_teacher is None:
            network = PocketNetwork(**self.network.config).to(self.device).eval().requires_grad_(False)
            network.load_state_dict(checkpoint.under(load_file(self.recipe.teacher), "average."))
            self._compiled_teacher = self._compiled(network)
        return self._compiled_teacher

    def save(self) -> None:
        """Write weights, averaged weights and optimiser state, each beside its name and renamed."""
        minutes = self._clock.spent_minutes
        checkpoint.save(self.state, {"network": self.network}, self.average, self.optimizers, self.step, minutes)

    def begin_from(self, weights: Path) -> None:
        """Begin at exported weights instead of at random; does nothing where there is a state to resume."""
        if (self.state / checkpoint.FILE).exists():
            return
        known = exported(weights)
        self._begin((in_layers(known) if self.recipe.layered else known).state_dict())

    def begin_after(self, state: Path) -> None:
        """Begin at the averaged weights of another stage's state; does nothing where there is a state to resume."""
        if not (self.state / checkpoint.FILE).exists():
            self._begin(checkpoint.under(load_file(state / checkpoint.FILE), "average."))

    def _begin(self, weights: Mapping[str, Tensor]) -> None:
        self.network.load_state_dict(weights)
        self.average = checkpoint.copied(self.network)

    def _resume(self) -> None:
        if (found := checkpoint.load(self.state, {"network": self.network}, self.optimizers)) is not None:
            self.average, self.step = found

    def _report(self, losses: list[tuple[Tensor, Tensor]], share: float) -> None:
        flow, jump = (torch.stack(values).mean().item() for values in zip(*losses, strict=True))
        line = {
            "step": self.step,
            "flow": round(flow, 4),
            "jump": round(jump, 4),
            "seconds": round(60 * self._clock.passed_minutes),
            "minutes_left": round(self._clock.minutes * (1 - share), 1),
        }
        checkpoint.report(self.state, line)


def _sees_every_frame(name: str, parameter: Tensor) -> bool:
    """Return whether a parameter is a whole matrix of a block that is no modulation."""
    return (
        name.startswith("blocks.")
        and parameter.ndim == 2
        and "modulation" not in name
        and not name.endswith(OWN_WEIGHTS)
    )


def drawn_times(count: int, device: torch.device) -> Tensor:
    """Return times to train at [count]: mostly late in the noise, where words decide, a quarter uniformly.

    Spread evenly over their distribution (one in each `count`-th of it), so that losses of batches compare.
    """
    even = (torch.randperm(count, device=device) + torch.rand(count, device=device)) / count
    late = torch.sigmoid(0.8 + 1.2 * torch.special.ndtri(even.clamp(1e-4, 1 - 1e-4)))
    return torch.where(torch.rand(count, device=device) < 0.25, even, late)


def exported(weights: Path) -> PocketNetwork:
    """Return the network of a folder of exported weights, in float32."""
    return PocketNetwork.load(weights)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--student", type=float, default=0.0)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--final-share", type=float, default=0.25, help="share of the minutes in which the rate falls")
    parser.add_argument("--start", type=Path, help="folder of exported weights to begin from, and its latent map")
    parser.add_argument(
        "--windows", type=int, nargs="+", default=[], help="train on pieces of so many frames; whole loops if left out"
    )
    parser.add_argument("--compile", action="store_true", help="a third faster with --windows; needs a C++ compiler")
    parser.add_argument("--teacher", type=Path, help="state file of a flow that stays the student's teacher")
    parser.add_argument("--averaging", type=float, default=0.999, help="less is quicker, for the student's first steps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--layered", action="store_true", help="`--data` holds loops in layers")
    parser.add_argument("--only", nargs="+", default=[], help="train parameters whose names end so, e.g. sharpness")
    parser.add_argument("--steps", type=int, help="stop after so many, if the minutes are not over before")
    return parser.parse_args()


def main() -> None:
    """Run one piece of training from the command line."""
    given = _options()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recipe = Recipe(
        minutes=given.minutes,
        student=given.student,
        batch=given.batch,
        seed=given.seed,
        windows=tuple(given.windows),
        compiled=given.compile,
        averaging=given.averaging,
        teacher=given.teacher,
        learning_rate=given.learning_rate,
        final_share=given.final_share,
        most_steps=given.steps,
        only=tuple(given.only),
        layered=given.layered,
    )
    kind = LayerSet if given.layered else LoopSet
    loops = kind.load(given.data, given.start, device=device, grows=given.layered)
    trainer = Trainer(recipe, loops.latent_map.deviation, given.state, device)
    if given.start is not None:
        trainer.begin_from(given.start)
    trainer.run(loops)


if __name__ == "__main__":
    main()
