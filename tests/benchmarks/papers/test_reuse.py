"""Loops that are made again from an optimised noise."""

from fractions import Fraction

import torch

from benchmarks.papers import baseline, doodl, reuse
from benchmarks.rows import Rows
from engine.models.testing import TinyModel
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import start_noise

SWELL = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -40.0), (4, -26.0), (8, -40.0))))
REQUEST = LoopRequest(bars=2, controls=(Control(kind="intensity", target=SWELL),), seed=3)


def test_stochastic_loops_differ_and_guidance_brings_them_nearer() -> None:
    """Two seeds of DDPM give two loops of one noise; with FreeDoM their loss is lower than without."""
    setting = baseline.setting_of(REQUEST, TinyModel())
    noise = start_noise(setting.scene, 3)
    one, other = (reuse.ddpm(setting, noise, seed, guides=False, steps=6) for seed in (1, 2))
    assert not torch.allclose(one, other)
    assert torch.equal(one, reuse.ddpm(setting, noise, 1, guides=False, steps=6))
    assert setting.loss(reuse.ddpm(setting, noise, 1, guides=True, steps=6)) < setting.loss(one)


def test_one_step_has_no_room_for_noise() -> None:
    """The last step adds none, so a chain of one step is the plain chain."""
    setting = baseline.setting_of(REQUEST, TinyModel())
    noise = start_noise(setting.scene, 3)
    plain = doodl.plain(setting.model, setting.scene, 1)(noise)
    assert torch.allclose(reuse.ddpm(setting, noise, 1, guides=False, steps=1), plain, atol=1e-6)


def test_the_table_compares_ten_loops_with_their_noise(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Means over noises, the published loss in small print, and variety over that of fresh seeds."""
    rows = Rows(tmp_path / "rows.json")
    rows.put("intensity/fresh/0", {"apart": 0.5})
    rows.put(f"intensity/{reuse.SAME}/0", {"own": 1.0, "mean": 9.0, "worst": 12.0, "apart": 0.25})
    line, *others = reuse.table(rows).body
    assert {other[3] for other in others} == {"not yet run"}
    assert line[3].startswith("1.00")
    assert line[4].endswith("<small>13.83</small>")
    assert line[6].startswith("0.500")
