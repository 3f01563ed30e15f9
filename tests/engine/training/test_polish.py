"""Polishing at toy size: the critic learns to tell, the student moves against it and no farther than asked."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.pocket import condition
from engine.pocket.model import load_pocket
from engine.pocket.network import PocketNetwork
from engine.settings import Settings
from engine.training.batches import Draws, LoopSet
from engine.training.export import export
from engine.training.polish import Polisher, Recipe

CPU = torch.device("cpu")


def recipe(steps: int, **changes: object) -> Recipe:
    toy = {"minutes": 5.0, "most_steps": steps, "batch": 1, "windows": (32,), "warm_up_steps": 4, "final_share": 0.0}
    return Recipe(**{**toy, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def teacher(loop_set: LoopSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return weights of a small network that answers something."""
    torch.manual_seed(4)
    network = PocketNetwork(loop_set.latent_map.channels, width=32, depth=4, condition_channels=condition.CHANNELS)
    network.deviation.copy_(loop_set.latent_map.deviation)
    for name, parameter in network.named_parameters():
        if "modulation" in name or name.startswith("latent_out"):
            torch.nn.init.normal_(parameter, std=0.02)
    folder = tmp_path_factory.mktemp("teacher")
    network.save(folder)
    loop_set.latent_map.save(folder / "latent_map.safetensors")
    return folder


def moved(polisher: Polisher) -> float:
    """Return how far the student's weights are from the teacher's, RMS."""
    known = polisher.teacher.state_dict()
    apart = [(tensor - known[name]).square().mean() for name, tensor in polisher.student.state_dict().items()]
    return float(torch.stack(apart).mean().sqrt())


def test_a_critic_alone_learns_to_tell_true_from_made(loop_set: LoopSet, teacher: Path, tmp_path: Path) -> None:
    """The critic's loss falls from the 2 of not knowing; meanwhile no weight of the student moves."""
    polisher = Polisher(recipe(24, warm_up_steps=24), teacher, tmp_path, CPU)
    generator = np.random.default_rng(0)
    draws = Draws.of(0)
    batches = [loop_set.batch(1, draws, windows=(32,)) for _ in range(24)]
    lost = [polisher._adversarial_step(batch, generator, learns=False)["critics"].item() for batch in batches]
    assert np.mean(lost[-8:]) < 0.85 * np.mean(lost[:5])
    assert moved(polisher) == 0


def test_the_student_moves_against_the_critic_and_is_held_back(
    loop_set: LoopSet, teacher: Path, tmp_path: Path
) -> None:
    """Without a contest there is nothing to gain by moving far; with one the student goes, the teacher stays."""
    before = {
        name: tensor.clone()
        for name, tensor in Polisher(recipe(1), teacher, tmp_path, CPU).teacher.state_dict().items()
    }
    ends = {}
    for contest in (0.0, 1.0):
        polisher = Polisher(
            recipe(12, adversarial_weight=contest, distillation_share=0.0), teacher, tmp_path / str(contest), CPU
        )
        polisher.run(loop_set)
        ends[contest] = moved(polisher)
        assert all(torch.equal(tensor, before[name]) for name, tensor in polisher.teacher.state_dict().items())
    assert ends[1.0] > 1.5 * ends[0.0]


def test_polishing_goes_on_where_it_stopped(loop_set: LoopSet, teacher: Path, tmp_path: Path) -> None:
    """A resumed polisher has student, average, critic, their optimisers and the count of steps as they were saved."""
    first = Polisher(recipe(9), teacher, tmp_path, CPU)
    first.run(loop_set)
    again = Polisher(recipe(3), teacher, tmp_path, CPU)
    assert again.step == 9
    for one, other in ((first.student, again.student), (first.critics, again.critics)):
        assert all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())
    assert all(torch.equal(tensor, again.average[name]) for name, tensor in first.average.items())
    for one_memory, other_memory in zip(first.optimizers, again.optimizers, strict=True):
        slots = one_memory.state_dict()["state"]
        kept = other_memory.state_dict()["state"]
        assert all(torch.equal(slots[n]["exp_avg"], kept[n]["exp_avg"]) for n in slots)
    again.run(loop_set)
    assert again.step == 12


def test_what_is_polished_is_a_model(loop_set: LoopSet, teacher: Path, tmp_path: Path) -> None:
    """The state exports as `pocket`'s weights: the averaged student."""
    Polisher(recipe(6), teacher, tmp_path / "state", CPU).run(loop_set)
    export(tmp_path / "state", loop_set.latent_map, tmp_path / "weights")
    pocket = load_pocket(Settings(dtype="float32"), tmp_path / "weights")
    saved = load_file(tmp_path / "state" / "state.safetensors")
    name = "blocks.0.qkv.weight"
    assert torch.allclose(pocket.network.state_dict()[name], saved[f"average.{name}"], atol=1e-3)
