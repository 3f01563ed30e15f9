"""The training recipe at toy size: it learns, stops, goes on where it was, and what it exports is what it has."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.pocket.model import load_pocket
from engine.request import LoopRequest
from engine.sampling import sample, start_noise
from engine.settings import Settings
from engine.training.batches import Draws, LoopSet
from engine.training.export import export, repertoire
from engine.training.flow import Recipe, Trainer
from engine.training.loops import read_labels

CPU = torch.device("cpu")


def recipe(steps: int, **changes: object) -> Recipe:
    toy = {"minutes": 5.0, "most_steps": steps, "batch": 4, "width": 32, "depth": 2, "student": 0.5, "warm_up_steps": 5}
    return Recipe(**{**toy, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def state(loop_set: LoopSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state after 100 steps, with teacher and student."""
    folder = tmp_path_factory.mktemp("state")
    Trainer(recipe(100), loop_set.latent_map.deviation, folder, CPU).run(loop_set)
    return folder


def test_the_loss_falls(loop_set: LoopSet, state: Path, tmp_path: Path) -> None:
    """Over a hundred steps it is well under that of Gaussian noise, with which an untrained network begins."""
    line = json.loads((state / "log.jsonl").read_text().splitlines()[-1])
    assert line["step"] == 100
    untrained = Trainer(recipe(1), loop_set.latent_map.deviation, tmp_path, CPU)
    draws = Draws.of(0)
    with torch.no_grad():
        losses = [untrained._losses(loop_set.batch(4, draws))[0].item() for _ in range(100)]
    assert 0 < line["flow"] < 0.93 * np.mean(losses)
    assert line["jump"] > 0


def test_training_on_pieces_learns_what_whole_loops_are(loop_set: LoopSet, tmp_path: Path) -> None:
    """A piece of a recipe with a window trains, saves and goes on with whole loops."""
    deviation = loop_set.latent_map.deviation
    pieces = Trainer(recipe(3, windows=(40,), student=0.0), deviation, tmp_path, CPU)
    before = pieces.network.state_dict()["latent_in.weight"].clone()
    pieces.run(loop_set)
    assert not torch.equal(before, pieces.network.state_dict()["latent_in.weight"])
    whole = Trainer(recipe(2), deviation, tmp_path, CPU)
    whole.run(loop_set)
    assert whole.step == 5


def test_a_part_of_the_network_can_learn_alone(loop_set: LoopSet, tmp_path: Path) -> None:
    """With names given only those parameters move; the rest is as it was to the last bit."""
    trainer = Trainer(recipe(8, only=("sharpness", "length_power")), loop_set.latent_map.deviation, tmp_path, CPU)
    # What comes out of a fresh network is zero, and nothing could learn from it.
    torch.nn.init.normal_(trainer.network.latent_out.weight, std=0.02)
    for block in trainer.network.blocks:
        torch.nn.init.normal_(block.modulation.weight, std=0.02)
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.run(loop_set)
    moved = {name for name, tensor in trainer.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.endswith(("sharpness", "length_power"))}


def test_training_goes_on_at_the_same_step_with_the_same_weights(loop_set: LoopSet, state: Path) -> None:
    """A resumed trainer has network, average and both optimisers as they were saved."""
    resumed = Trainer(recipe(1), loop_set.latent_map.deviation, state, CPU)
    assert resumed.step == 100
    saved = load_file(state / "state.safetensors")
    for name, tensor in resumed.network.state_dict().items():
        assert torch.equal(tensor, saved[f"network.{name}"])
        assert torch.equal(resumed.average[name], saved[f"average.{name}"])
    slots = [name for name in saved if name.startswith("optimizer.")]
    held = {
        f"optimizer.{index}.{number}.{slot}": value
        for index, optimizer in enumerate(resumed.optimizers)
        for number, values in optimizer.state_dict()["state"].items()
        for slot, value in values.items()
    }
    assert set(held) == set(slots)
    assert all(torch.equal(torch.as_tensor(held[name]), saved[name]) for name in slots)


def test_a_piece_after_a_piece_counts_on_and_draws_new_noise(loop_set: LoopSet, state: Path, tmp_path: Path) -> None:
    """Three steps more are steps 101 to 103, and their noise is not that of the first piece."""
    (tmp_path / "state.safetensors").write_bytes((state / "state.safetensors").read_bytes())
    trainer = Trainer(recipe(3), loop_set.latent_map.deviation, tmp_path, CPU)
    later = torch.randn(4)
    Trainer(recipe(3), loop_set.latent_map.deviation, tmp_path / "fresh", CPU)
    assert not torch.equal(later, torch.randn(4))
    trainer.run(loop_set)
    assert Trainer(recipe(1), loop_set.latent_map.deviation, tmp_path, CPU).step == 103


def test_the_same_seed_trains_the_same_network(loop_set: LoopSet, tmp_path: Path) -> None:
    """Two runs of a few steps end alike; another seed does not."""
    ends = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        trainer = Trainer(recipe(2, seed=seed), loop_set.latent_map.deviation, tmp_path / name, CPU)
        trainer.run(loop_set)
        ends.append(trainer.network.state_dict()["latent_in.weight"])
    assert torch.allclose(ends[0], ends[1], atol=1e-6)
    assert not torch.allclose(ends[0], ends[2], atol=1e-3)


def test_a_resumed_student_learns_from_the_averaged_network(loop_set: LoopSet, state: Path) -> None:
    """The first jump after a pause is measured against what was learned, not against a fresh network."""
    resumed = Trainer(recipe(1), loop_set.latent_map.deviation, state, CPU)
    resumed.step += 7  # between two refreshments
    teacher = resumed._averaged()
    assert all(torch.equal(tensor, resumed.average[name]) for name, tensor in teacher.state_dict().items())


def test_a_teacher_stays_what_it_was(loop_set: LoopSet, state: Path, tmp_path: Path) -> None:
    """With a teacher's state the shortest jumps follow that flow, however far the student's own has moved."""
    teacher = state / "state.safetensors"
    trainer = Trainer(recipe(2, teacher=teacher, seed=3), loop_set.latent_map.deviation, tmp_path, CPU)
    trainer.run(loop_set)
    averaged = trainer._averaged()
    guide = trainer._guided_network(averaged)
    assert isinstance(guide, torch.nn.Module)
    saved = load_file(teacher)
    assert all(torch.equal(tensor, saved[f"average.{name}"]) for name, tensor in guide.state_dict().items())
    assert not torch.equal(guide.state_dict()["latent_in.weight"], averaged.state_dict()["latent_in.weight"])


def test_the_rate_warms_up_and_falls_at_the_end(loop_set: LoopSet, tmp_path: Path) -> None:
    """It rises over the first steps, holds, and ends far lower; pieces with no final share hold it."""
    trainer = Trainer(recipe(1, learning_rate=1.0), loop_set.latent_map.deviation, tmp_path, CPU)
    assert trainer._rate(0.0) == pytest.approx(0.2)
    trainer.step = 100
    assert trainer._rate(0.5) == 1.0
    assert 0 < trainer._rate(0.9999) < 0.1
    steady = Trainer(recipe(1, learning_rate=1.0, final_share=0.0), loop_set.latent_map.deviation, tmp_path, CPU)
    steady.step = 100
    assert steady._rate(0.9999) == 1.0


def test_what_is_exported_is_a_model(loop_set: LoopSet, state: Path, tmp_path: Path) -> None:
    """Exported weights load as pocket: a loop of the right length that is not silence, the averaged network's."""
    export(state, loop_set.latent_map, tmp_path)
    pocket = load_pocket(Settings(dtype="float32"), tmp_path)
    assert pocket.network.config["width"] == 32
    saved = load_file(state / "state.safetensors")
    assert torch.allclose(
        pocket.network.state_dict()["latent_out.weight"], saved["average.latent_out.weight"], atol=1e-3
    )
    scene = pocket.scene(LoopRequest(prompt="house, drums", bars=1))
    with torch.no_grad():
        latent = sample(pocket, scene, start_noise(scene, 0), pocket.schedule(2, scene), "trajectory")
    audio = pocket.decode(latent, scene)
    assert audio.shape == (1, 2, scene.model_samples)
    assert torch.isfinite(audio).all()
    assert float(audio.abs().max()) > 1e-3


def test_training_begins_at_exported_weights(loop_set: LoopSet, tmp_path: Path) -> None:
    """Going on from the repository's weights needs no state: both networks are the exported one."""
    first = Trainer(recipe(1), loop_set.latent_map.deviation, tmp_path / "first", CPU)
    first.network.save(tmp_path / "weights")
    second = Trainer(recipe(1, seed=5), loop_set.latent_map.deviation, tmp_path / "second", CPU)
    second.begin_from(tmp_path / "weights")
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], tensor)
        assert torch.equal(second.average[name], tensor)


def test_the_repertoire_is_what_was_said(shards: Path, tmp_path: Path) -> None:
    """A row for each loop with its words and tonic; a folder without loops has none."""
    found = repertoire(shards)
    assert found is not None
    labels = list(read_labels(shards))
    assert [np.flatnonzero(row).tolist() for row in found.said] == [label["words"] for label in labels]
    assert found.tonics.tolist() == [label["tonic"] for label in labels]
    assert repertoire(tmp_path) is None
