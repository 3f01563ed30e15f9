"""All of `pocket`'s training as one command, in runs that may stop anywhere.

    python -m engine.training --work FOLDER [--plan cpu|gpu|layers] [--minutes 150] [--assets ASSETS] [--start WEIGHTS]

Loops are rendered first; then come the stages, each from the weights of the one before: flow, student, attention,
polish, then vocoder and towers. With a GPU the first stage begins while loops are still being rendered. The plan
`layers` leaves weights that know whole mixes as they are, and learns beside them to play in layers. The same command
goes on where the last run stopped, be it by its minutes, by hand or by a crash (which costs five minutes at most).
When all is over, FOLDER/weights is a `pocket`.
"""

import argparse
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch

from ..pocket.arrangement import FILE as LAYERS_FILE
from ..pocket.latents import LatentMap
from ..pocket.network import OWN_WEIGHTS_OF
from ..pocket.waveform.vocoder import VOCODER
from . import checkpoint, towers
from .batches import Batches, LoopSet
from .export import export, export_layers, repertoire
from .flow import Recipe, Trainer
from .layer_batches import LayerSet
from .layer_loops import render_missing_layers
from .layer_repertoire import layer_repertoire
from .loops import render_missing, shards
from .polish import Polisher
from .polish import Recipe as PolishRecipe
from .vocoder import Recipe as VocoderRecipe
from .vocoder import VocoderTrainer
from .vocoder_data import Job, Pairs, render_pairs

TOWERS = ("guide", "judge")
REPERTOIRE_LOOPS = 13_000  # more of them would only be more to load


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many loops, and the recipe of each stage; minutes are of whole stages, and one of none is left out."""

    loops: int
    flow: Recipe
    student: Recipe
    attention: Recipe
    polish: PolishRecipe | None
    tower_minutes: float
    tower_batch: int = 64
    vocoder: VocoderRecipe | None = None  # trained on so many pairs; without one that of the start is kept, if any
    pairs: int = 2_000
    repertoire_loops: int = 4_000  # in layers, of recipes alone
    own_flow: Recipe | None = None  # of the layer with weights of its own, after what tells all layers apart
    own_student: Recipe | None = None
    shards_to_begin: int | None = None  # stages begin with so many, while others are rendered; None is with all

    @property
    def layered(self) -> bool:
        """Whether loops are rendered in layers."""
        return self.flow.layered


POLISH = PolishRecipe(minutes=45, batch=4)
# Two cores that multiply bfloat16. What the weights in the repository went through, its three pieces of flow in one.
CPU = Plan(
    loops=13_000,
    flow=Recipe(minutes=226, windows=(96,), learning_rate=1.5e-3, final_share=0.4, compiled=True),
    student=Recipe(
        minutes=21, windows=(96,), student=0.6, learning_rate=6e-4, averaging=0.995, final_share=0.4, compiled=True
    ),
    attention=Recipe(
        minutes=9,
        windows=(96, 192, 384, 640),
        batch=6,
        only=("sharpness", "length_power"),
        learning_rate=1e-2,
        averaging=0.98,
        final_share=0.6,
    ),
    polish=POLISH,
    tower_minutes=8,
)
# One large GPU: eight times as much music to a step, on pieces of three to twelve seconds, for runs of nine minutes.
GPU = replace(
    CPU,
    loops=21_700,
    flow=replace(CPU.flow, minutes=10, batch=128, windows=(128, 256, 512), final_share=0.6),
    student=replace(CPU.student, minutes=8, batch=128, windows=(128, 512), student=0.5, averaging=0.999),
    attention=replace(CPU.attention, minutes=0),  # a flow on long pieces has learnt it
    polish=replace(POLISH, minutes=4, batch=48),
    tower_minutes=4,
    vocoder=VocoderRecipe(minutes=11.5),
    shards_to_begin=24,
)
# Layers, beside weights that know whole mixes and stay as they are: only what tells them layers, chords and what they
# hear of the others is learnt, in float32, where whole mixes taught it nothing. Then the bass learns its own weights.
LAYERS_FLOW = Recipe(
    minutes=90,
    batch=8,
    windows=(128, 256),
    learning_rate=1e-3,
    warm_up_steps=60,
    averaging=0.99,
    final_share=0.4,
    compiled=True,
    layered=True,
)
OWN_FLOW = replace(LAYERS_FLOW, minutes=24, averaging=0.995, own=True)
LAYERS = replace(
    CPU,
    loops=3_000,
    flow=LAYERS_FLOW,
    own_flow=OWN_FLOW,
    own_student=replace(OWN_FLOW, minutes=22, student=0.6, learning_rate=7e-4),
    polish=None,
    shards_to_begin=8,
)
PLANS = {"cpu": CPU, "gpu": GPU, "layers": LAYERS}


class TrainingRun:
    """One run of a plan: its folder, its device, and the minutes that it may take."""

    def __init__(
        self,
        plan: Plan,
        work: Path,
        *,
        assets: Path | None,
        minutes: float,
        device: torch.device,
        start: Path | None = None,
    ) -> None:
        self.plan, self.work, self.device = plan, work, device
        self._assets, self._minutes, self._start = assets, minutes, start
        self._renderer: BaseProcess | None = None
        self._ends = time.monotonic() + 60 * minutes

    @property
    def weights(self) -> Path:
        """The folder of the trained model when all stages are done."""
        return self.work / "weights"

    def run(self) -> bool:
        """Run the stages until all are done or the minutes are over; return whether all are done."""
        stages: dict[str, Callable[[], bool]] = {
            "loops": self._render,
            "flow": lambda: self._train("flow", self.plan.flow, self._start),
        }
        stages |= self._of_layers() if self.plan.layered else self._of_whole_mixes()
        for name, stage in stages.items():
            print(f"{name}: {max(0.0, self._left):.0f} minutes left of this run", flush=True)  # noqa: T201
            if not stage():
                return False
        return True

    def _of_layers(self) -> dict[str, Callable[[], bool]]:
        """Return the stages that follow the flow of layers."""
        return {
            "own flow": lambda: self._train_own("own-flow", self.plan.own_flow, "flow"),
            "own student": lambda: self._train_own("own-student", self.plan.own_student, "own-flow"),
            "layers": self._put_layers,
        }

    def _of_whole_mixes(self) -> dict[str, Callable[[], bool]]:
        """Return the stages that follow the flow of whole mixes."""
        return {
            "student": lambda: self._train(
                "student",
                replace(self.plan.student, teacher=self._state("flow") / checkpoint.FILE),
                self._exported("flow"),
            ),
            "attention": lambda: self._train("attention", self.plan.attention, self._exported("student")),
            "polish": self._polish,
            "vocoder": self._vocoder,
            "towers": self._towers,
        }

    def close(self) -> None:
        """Wait for the process that renders loops."""
        if self._renderer is not None:
            self._renderer.join()

    @property
    def _left(self) -> float:
        return (self._ends - time.monotonic()) / 60

    @property
    def _data(self) -> Path:
        return self.work / "data"

    @cached_property
    def _loops(self) -> LoopSet | LayerSet:
        grows = self.plan.shards_to_begin is not None
        kind = LayerSet if self.plan.layered else LoopSet
        return kind.load(self._data, self._start, device=self.device, grows=grows)

    def _state(self, stage: str) -> Path:
        return self.work / stage

    def _over(self, stage: str, minutes: float) -> bool:
        return checkpoint.spent_minutes(self._state(stage)) >= minutes

    def _exported(self, stage: str) -> Path:
        """Return a folder with the weights that a stage ended with."""
        folder = self._state(stage) / "weights"
        with _whole(folder) as made:
            if made is not None:
                latent_map = LatentMap.load((self._start or self._data) / "latent_map.safetensors")
                export(self._state(stage), latent_map, made)
        return folder

    def _render(self) -> bool:
        """Render all loops or, where stages begin before that, so many, and leave the rest to another process."""
        plan = self.plan
        render = partial(
            render_missing_layers if plan.layered else render_missing,
            self._data,
            count=plan.loops,
            assets=self._assets,
            workers=max(1, (os.cpu_count() or 1) - (2 if plan.shards_to_begin else 0)),
            pause_after_minutes=self._left,
        )
        if plan.shards_to_begin is None:
            return render()
        self._renderer = multiprocessing.get_context("spawn").Process(target=render)
        self._renderer.start()
        while (there := len(shards(self._data))) < plan.shards_to_begin and self._left > 0:
            if not self._renderer.is_alive():
                break  # all are there
            time.sleep(0.5)
        return there > 0

    def _run_stage(
        self, stage: str, minutes: float, make_trainer: Callable[[], Trainer | Polisher], loops: Batches | None = None
    ) -> bool:
        """Run a stage, unless it is done, for the minutes that are left; return whether it is done."""
        if not self._over(stage, minutes) and self._left > 0:
            trainer = make_trainer()
            spent = checkpoint.spent_minutes(self._state(stage))
            clock = checkpoint.Clock(minutes, spent_minutes=spent, pause_after_minutes=self._left)
            trainer.run(self._loops if loops is None else loops, clock)
        return self._over(stage, minutes)

    def _trainer(self, stage: str, recipe: Recipe) -> Trainer:
        compiled = recipe.compiled and (shutil.which("c++") is not None or self.device.type == "cuda")
        deviation = self._loops.latent_map.deviation
        return Trainer(replace(recipe, compiled=compiled), deviation, self._state(stage), self.device)

    def _train(self, stage: str, recipe: Recipe, before: Path | None) -> bool:
        def trainer() -> Trainer:
            made = self._trainer(stage, recipe)
            if before is not None:
                made.begin_from(before)
            return made

        return self._run_stage(stage, recipe.minutes, trainer)

    def _train_own(self, stage: str, recipe: Recipe | None, before: str) -> bool:
        """Go on with the layer that has weights of its own; a student's teacher is the stage before it."""
        if recipe is None:
            return True
        teacher = self._state(before) / checkpoint.FILE if recipe.student else None

        def trainer() -> Trainer:
            made = self._trainer(stage, replace(recipe, teacher=teacher))
            made.begin_after(self._state(before))
            return made

        loops = self._loops
        assert isinstance(loops, LayerSet)
        return self._run_stage(stage, recipe.minutes, trainer, loops.of(OWN_WEIGHTS_OF))

    def _polish(self) -> bool:
        recipe = self.plan.polish
        if recipe is None:
            return True
        return self._run_stage(
            "polish",
            recipe.minutes,
            lambda: Polisher(recipe, self._exported(self._before_polish), self._state("polish"), self.device),
        )

    @property
    def _before_polish(self) -> str:
        return "attention" if self.plan.attention.minutes else "student"

    def _vocoder(self) -> bool:
        recipe, folder = self.plan.vocoder, self._state("vocoder")
        if recipe is None or self._over("vocoder", recipe.minutes):
            return True
        latent_map = (self._start or self._data) / "latent_map.safetensors"
        render_pairs(Job(folder, latent_map, self._assets), self.plan.pairs, os.cpu_count() or 1)
        spent = checkpoint.spent_minutes(folder)
        clock = checkpoint.Clock(recipe.minutes, spent_minutes=spent, pause_after_minutes=self._left)
        VocoderTrainer(recipe, folder, self.device).run(Pairs(folder, self.device), clock)
        return self._over("vocoder", recipe.minutes)

    def _towers(self) -> bool:
        """Train the towers that are missing, each in one go, and put the model together.

        Those of weights that were begun from hear bands, not latents or loops of this network: they are kept.
        """
        plan, folder = self.plan, self._state("towers")
        needed = min(plan.tower_minutes, 0.9 * self._minutes)  # of a run; a shorter one would never begin
        for seed, name in enumerate(TOWERS, 1):
            if not (folder / name).exists() and not self._start and self._left < needed:
                return False
            with _whole(folder / name) as made:
                if made is None:
                    continue
                if self._start is not None:
                    shutil.copytree(self._start / name, made, dirs_exist_ok=True)
                    continue
                tower = towers.learn(name, self._data, plan.tower_minutes, seed, plan.tower_batch)
                tower.save(made)
        with _whole(self.weights) as made:
            if made is not None:
                shutil.copytree(
                    self._exported("polish" if plan.polish else self._before_polish), made, dirs_exist_ok=True
                )
                for name in TOWERS:
                    shutil.copytree(folder / name, made / name)
                for place in (self._state("vocoder"), self._start):
                    if place is not None and (place / VOCODER).exists():
                        shutil.copy(place / VOCODER, made)
                        break
                self._put_repertoire(made)
        return True

    def _put_repertoire(self, made: Path) -> None:
        """Write the repertoire: the words of the loops that the plan rendered."""
        if (said := repertoire(self._data, REPERTOIRE_LOOPS)) is not None:
            said.save(made / "repertoire.safetensors")

    def _put_layers(self) -> bool:
        """Put the model together: the weights that layers began from, what was learnt, and which layers loops have."""
        if self._start is None:
            raise FileNotFoundError("Layers are learnt beside whole weights; name their folder with --start.")
        with _whole(self.weights) as made:
            if made is not None:
                shutil.copytree(self._start, made, dirs_exist_ok=True)
                export_layers(self._state("flow"), made, self._state("own-student") if self.plan.own_student else None)
                layer_repertoire(self.plan.repertoire_loops).save(made / LAYERS_FILE)
        return True


@contextmanager
def _whole(folder: Path) -> Iterator[Path | None]:
    """Give a folder to fill that becomes `folder` once it is whole; None where that is there already."""
    if folder.exists():
        yield None
        return
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    yield part
    part.rename(folder)


def main() -> None:
    """Go on with a plan from the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="where loops, states and weights are kept")
    parser.add_argument("--plan", choices=PLANS, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=150, help="of this run; the same command goes on afterwards")
    parser.add_argument("--assets", type=Path, help="the asset pack; without it all sounds are synthesised")
    parser.add_argument("--start", type=Path, help="a folder of weights to begin from, and their latents")
    given = parser.parse_args()
    torch.set_float32_matmul_precision("high")  # of a GPU's critics; all else is bfloat16 there
    run = TrainingRun(
        PLANS[given.plan],
        given.work,
        assets=given.assets,
        minutes=given.minutes,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        start=given.start,
    )
    is_done = run.run()
    run.close()
    if is_done:
        print(f"{run.weights} is ready: python -m benchmarks pocket --weights {run.weights}")  # noqa: T201
    else:
        print("The minutes of this run are over; the same command goes on.")  # noqa: T201
