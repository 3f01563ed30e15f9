"""All of `pocket`'s training as one command, in runs that may stop anywhere.

    python -m engine.training --work FOLDER [--course cpu|gpu] [--minutes 150] [--assets ASSETS]

Loops are rendered first; then come the lessons, each from the weights of the one before: flow, student, attention,
polish, towers. The same command goes on where the last run stopped, be it by its minutes, by hand or by a crash (which
costs five minutes at most). When all is over, FOLDER/weights is a `pocket`.
"""

import argparse
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from ..pocket.latents import LatentMap
from . import checkpoint, towers
from .export import export, repertoire
from .flow import Recipe, Trainer
from .loops import LoopSet, render_missing
from .polish import Polisher
from .polish import Recipe as PolishRecipe

TOWERS = ("guide", "judge")


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How many loops, and the recipe of each lesson; minutes are of whole lessons."""

    loops: int
    flow: Recipe
    student: Recipe
    attention: Recipe
    polish: PolishRecipe
    tower_minutes: float
    tower_batch: int = 64


# Two cores that multiply bfloat16. What the weights in the repository went through, its three pieces of flow in one.
CPU = Course(
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
    polish=PolishRecipe(minutes=45, batch=4),
    tower_minutes=8,
)
# One large GPU: eight times as much music to a step, on pieces of all lengths, for runs of nine minutes. Never run yet.
GPU = replace(
    CPU,
    loops=30_000,
    flow=replace(CPU.flow, minutes=27, batch=128, windows=(96, 192, 384), learning_rate=2e-3),
    student=replace(CPU.student, minutes=8, batch=128),
    attention=replace(CPU.attention, minutes=3, batch=48),
    polish=replace(CPU.polish, minutes=15, batch=32),
    tower_minutes=4,
)
COURSES = {"cpu": CPU, "gpu": GPU}


class Student:
    """A course on its way: a folder, a device, and so many minutes for this run."""

    def __init__(
        self, course: Course, work: Path, *, assets: Path | None, minutes: float, device: torch.device, workers: int
    ) -> None:
        self.course, self.work, self.device = course, work, device
        self._assets, self._workers, self._minutes = assets, workers, minutes
        self._ends = time.monotonic() + 60 * minutes

    @property
    def weights(self) -> Path:
        """Where the trained model stands in the end."""
        return self.work / "weights"

    def learn(self) -> bool:
        """Go on with the lessons until they or the minutes are over; return whether the course is."""
        lessons: dict[str, Callable[[], bool]] = {
            "loops": self._render,
            "flow": lambda: self._train("flow", self.course.flow, None),
            "student": lambda: self._train(
                "student", replace(self.course.student, teacher=self._state("flow") / checkpoint.FILE), "flow"
            ),
            "attention": lambda: self._train("attention", self.course.attention, "student"),
            "polish": self._polish,
            "towers": self._towers,
        }
        for name, lesson in lessons.items():
            print(f"{name}: {max(0.0, self._left):.0f} minutes left of this run", flush=True)  # noqa: T201
            if not lesson():
                return False
        return True

    @property
    def _left(self) -> float:
        return (self._ends - time.monotonic()) / 60

    @property
    def _data(self) -> Path:
        return self.work / "data"

    @cached_property
    def _loops(self) -> LoopSet:
        return LoopSet.load(self._data)

    def _state(self, lesson: str) -> Path:
        return self.work / lesson

    def _over(self, lesson: str, minutes: float) -> bool:
        return checkpoint.spent_minutes(self._state(lesson)) >= minutes

    def _exported(self, lesson: str) -> Path:
        """Return a folder with the weights that a lesson ended with."""
        folder = self._state(lesson) / "weights"
        with _whole(folder) as made:
            if made is not None:
                export(self._state(lesson), LatentMap.load(self._data / "latent_map.safetensors"), made)
        return folder

    def _render(self) -> bool:
        return render_missing(
            self._data,
            count=self.course.loops,
            assets=self._assets,
            workers=os.cpu_count() or 1,
            pause_after_minutes=self._left,
        )

    def _take(self, lesson: str, minutes: float, learner: Callable[[], Trainer | Polisher]) -> bool:
        """Go on with a lesson, if it is not over, for what is left of this run; return whether it is over then."""
        if not self._over(lesson, minutes) and self._left > 0:
            ready = learner()
            spent = checkpoint.spent_minutes(self._state(lesson))
            ready.run(self._loops, checkpoint.Clock(minutes, spent_minutes=spent, pause_after_minutes=self._left))
        return self._over(lesson, minutes)

    def _train(self, lesson: str, recipe: Recipe, before: str | None) -> bool:
        def trainer() -> Trainer:
            compiled = recipe.compiled and shutil.which("c++") is not None
            full = replace(recipe, compiled=compiled, workers=self._workers)
            made = Trainer(full, self._loops.latent_map.deviation, self._state(lesson), self.device)
            if before is not None:
                made.begin_from(self._exported(before))
            return made

        return self._take(lesson, recipe.minutes, trainer)

    def _polish(self) -> bool:
        recipe = replace(self.course.polish, workers=self._workers)
        return self._take(
            "polish",
            recipe.minutes,
            lambda: Polisher(recipe, self._exported("attention"), self._state("polish"), self.device),
        )

    def _towers(self) -> bool:
        """Train the towers that are missing, each in one go, and put the model together."""
        course, folder = self.course, self._state("towers")
        needed = min(course.tower_minutes, 0.9 * self._minutes)  # of a run; a shorter one would never begin
        for seed, name in enumerate(TOWERS, 1):
            if not (folder / name).exists() and self._left < needed:
                return False
            with _whole(folder / name) as made:
                if made is not None:
                    tower = towers.learn(name, self._data, course.tower_minutes, seed, course.tower_batch)
                    tower.save_pretrained(made)
        with _whole(self.weights) as made:
            if made is not None:
                shutil.copytree(self._exported("polish"), made, dirs_exist_ok=True)
                for name in TOWERS:
                    shutil.copytree(folder / name, made / name)
                if (said := repertoire(self._data)) is not None:
                    said.save(made / "repertoire.safetensors")
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
    """Go on with a course from the command line."""
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="where loops, states and weights are kept")
    parser.add_argument("--course", choices=COURSES, default="gpu" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=150, help="of this run; the same command goes on afterwards")
    parser.add_argument("--assets", type=Path, help="the asset pack; without it all sounds are synthesised")
    given = parser.parse_args()
    on_gpu = given.course == "gpu"
    student = Student(
        COURSES[given.course],
        given.work,
        assets=given.assets,
        minutes=given.minutes,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
        workers=max(1, (os.cpu_count() or 1) - 2) if on_gpu else 0,
    )
    if student.learn():
        print(f"{student.weights} is ready: python benchmarks/pocket.py --weights {student.weights}")  # noqa: T201
    else:
        print("The minutes of this run are over; the same command goes on.")  # noqa: T201
