"""EDICT inverts exactly, and both of its memories give the same gradient."""

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch

from benchmarks.papers import baseline, doodl
from benchmarks.papers.baselines import edict
from benchmarks.papers.baselines.edict import Memory
from benchmarks.rows import Rows
from engine.models.testing import TinyModel
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import start_noise

SWELL = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -40.0), (4, -26.0), (8, -40.0))))
REQUEST = LoopRequest(bars=2, controls=(Control(kind="intensity", target=SWELL),), seed=3)


@pytest.mark.parametrize("steps", [20, 50])
def test_a_chain_is_inverted_to_a_millionth(steps: int) -> None:
    """In float64 the noise comes back from the end of 20 and 50 coupled steps to 1e-6."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(REQUEST)
    schedule, noise = model.schedule(steps, scene), start_noise(scene, 3).double()
    velocity = edict.velocity_of(model, scene, schedule)
    end = edict.run(velocity, (noise, noise), schedule, edict.mixing(steps))
    for again in edict.inverted(velocity, end, schedule, edict.mixing(steps)):
        assert (again - noise).abs().max() < 1e-6
    assert not torch.allclose(*end, atol=1e-6)  # the two are coupled, not one and the same


@pytest.mark.parametrize("memory", [Memory.CHECKPOINTED, Memory.INVERTED])
def test_every_memory_gives_the_gradient_of_a_chain_that_keeps_all(memory: Memory) -> None:
    """States that are recomputed or found by inversion carry the gradient of states that were kept."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(REQUEST)

    def gradient(kind: Memory) -> torch.Tensor:
        noise = start_noise(scene, 3).double().requires_grad_()
        edict.chain(model, scene, 20, kind)(noise).sin().sum().backward()
        assert noise.grad is not None
        return noise.grad

    assert torch.allclose(gradient(memory), gradient(Memory.KEPT), rtol=1e-6, atol=1e-8)


def test_the_pair_ends_near_the_plain_chain() -> None:
    """At 50 steps x is close to the same noise's latent by the teacher's plain chain: EDICT samples the same model."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(REQUEST)
    noise = start_noise(scene, 3).double()
    plain = doodl.plain(model, scene, 50)(noise)
    coupled = edict.chain(model, scene, 50, Memory.KEPT)(noise)
    assert (coupled - plain).square().mean() < 0.05 * plain.square().mean()


@pytest.mark.parametrize("make", [doodl.plain, lambda *told: edict.chain(*told, Memory.INVERTED)])
def test_a_search_lowers_its_loss(make: Callable[..., baseline.Chain]) -> None:
    """DITTO's search through either chain ends nearer to its target, and says after how many steps it was there."""
    model = TinyModel()
    setting = baseline.setting_of(REQUEST, model)
    noise, chain = start_noise(setting.scene, 3), make(model, setting.scene, 4)
    found = baseline.search(setting, chain, noise, steps=5, rate=0.05)
    with torch.no_grad():
        first = float(setting.evaluate(chain(noise)).total)
        assert float(setting.evaluate(found.latent).total) < first
    assert torch.allclose(found.latent, chain(found.noise), atol=1e-4)
    assert found.reached is None or found.reached <= found.steps <= 5


def test_the_table_holds_costs_beside_what_was_published(tmp_path: object) -> None:
    """Each method has a line with error, steps, seconds and memory, over those of the paper in the same run."""
    rows = Rows(tmp_path / "rows.json")  # type: ignore[operator]
    for method, seconds in (("ditto-paper", 1.0), ("doodl, inverted", 3.0), ("doodl, checkpointed", 2.5)):
        rows.put(f"cost/20/{method}/0", {"seconds": seconds})
        rows.put(f"memory/20/{method}", {"bytes": 2**20 * seconds})
    text = doodl.table(rows).markdown()
    assert text.startswith("Bar: DITTO's step takes at most half")
    assert "0.33" in text
    assert "4.18" in text
    assert "not yet run: `doodl --steps 20`" in text
    rows.put("intensity/20/ditto-paper/0", {"intensity_mse": 4.0, "steps": 40, "reached": 40.0})
    assert "| ditto-paper | 1 | 4.00 (4.00-4.00) |" in doodl.table(rows).markdown()
    assert "| doodl, inverted | 0 |" in doodl.table(rows).markdown()
    rows.put("intensity/20/doodl/0", {"intensity_mse": 5.0, "steps": 40})
    for method in ("inverted", "checkpointed"):  # one search, two set-ups of memory
        assert f"| doodl, {method} | 1 | 5.00 (5.00-5.00) |" in doodl.table(rows).markdown()
