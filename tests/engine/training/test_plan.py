"""The whole plan at toy size: it stops where its minutes end, goes on, and what comes out is a `pocket`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from engine.pocket.model import load_pocket
from engine.settings import Settings
from engine.training import checkpoint, plan, vocoder
from engine.training.loops import read_labels

SECOND = 1 / 60
MOMENT = SECOND / 10  # of a stage: a step or two
TINY = replace(
    plan.CPU,
    loops=8,
    flow=replace(plan.CPU.flow, minutes=MOMENT, windows=(40,), width=32, depth=2, compiled=False),
    student=replace(plan.CPU.student, minutes=MOMENT, windows=(40,), width=32, depth=2, compiled=False),
    attention=replace(plan.CPU.attention, minutes=MOMENT, windows=(40, 60), width=32, depth=2),
    polish=replace(plan.POLISH, minutes=MOMENT, windows=(40,)),
    tower_minutes=MOMENT,
    tower_batch=4,
)


def training_run(work: Path, minutes: float, tiny: plan.Plan = TINY) -> plan.TrainingRun:
    return plan.TrainingRun(tiny, work, assets=None, minutes=minutes, device=torch.device("cpu"))


@pytest.mark.slow
def test_a_plan_in_pieces_becomes_a_model(shards: Path, tmp_path: Path) -> None:
    """Run after run goes on where the last one stopped, no stage is repeated, and the end is a loadable `pocket`."""
    long = replace(TINY, flow=replace(TINY.flow, minutes=4 * SECOND))
    assert not training_run(tmp_path, 2 * SECOND, long).run()
    assert checkpoint.spent_minutes(tmp_path / "flow") < long.flow.minutes
    runs = 1
    while not training_run(tmp_path, 3 * SECOND, long).run():
        runs += 1
        assert runs < 12
    spent = checkpoint.spent_minutes(tmp_path / "flow")
    assert long.flow.minutes <= spent < long.flow.minutes + 5 * SECOND
    before = (tmp_path / "flow" / checkpoint.FILE).stat().st_mtime_ns
    assert training_run(tmp_path, 0, long).run()
    assert (tmp_path / "flow" / checkpoint.FILE).stat().st_mtime_ns == before
    pocket = load_pocket(Settings(dtype="float32"), tmp_path / "weights")
    assert pocket.towers is not None
    assert pocket.repertoire is not None
    polished = load_file(tmp_path / "polish" / checkpoint.FILE)["average.blocks.0.qkv.weight"]
    assert torch.allclose(pocket.network.state_dict()["blocks.0.qkv.weight"], polished, atol=1e-3)


@pytest.mark.slow
def test_a_plan_from_weights_renders_beside_its_first_stage(tmp_path: Path) -> None:
    """What is begun from keeps its latents and towers, and every loop is rendered in the end."""
    begun = training_run(tmp_path / "first", 600 * SECOND)
    assert begun.run()
    beside = replace(
        TINY,
        loops=12,
        shards_to_begin=1,
        attention=replace(TINY.attention, minutes=0),
        vocoder=vocoder.Recipe(minutes=MOMENT, batch=1),
        pairs=2,
    )
    again = plan.TrainingRun(
        beside,
        tmp_path / "second",
        assets=None,
        minutes=600 * SECOND,
        device=torch.device("cpu"),
        start=begun.weights,
    )
    assert again.run()
    again.close()
    for file in ("latent_map.safetensors", "guide/diffusion_pytorch_model.safetensors"):
        assert (again.weights / file).read_bytes() == (begun.weights / file).read_bytes()
    network = "diffusion_pytorch_model.safetensors"
    assert (again.weights / network).read_bytes() != (begun.weights / network).read_bytes()
    assert len(list(read_labels(tmp_path / "second" / "data"))) == 12
    assert load_pocket(Settings(dtype="float32"), again.weights).vocoder is not None
