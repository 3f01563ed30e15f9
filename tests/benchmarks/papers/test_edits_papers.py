"""Each method that edits has its defining property, on toy models."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.papers import baseline, edit_tasks, edits_papers
from benchmarks.papers.baselines import guided, masked
from benchmarks.papers.baselines.masked import Known
from benchmarks.papers.edit_tasks import EDITS
from benchmarks.rows import Rows
from engine.models.testing import TinyModel
from engine.pocket.bands import SAMPLE_RATE
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import start_noise

SWELL = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -40.0), (4, -26.0), (8, -40.0))))
REQUEST = LoopRequest(bars=2, controls=(Control(kind="intensity", target=SWELL),), seed=3)


@pytest.fixture(scope="module")
def setting() -> baseline.Setting:
    """A toy model with an intensity to follow."""
    return baseline.setting_of(REQUEST, TinyModel())


@pytest.fixture(scope="module")
def noise(setting: baseline.Setting) -> Tensor:
    """The noise of seed 3."""
    return start_noise(setting.scene, 3)


def test_windows_that_agree_average_to_themselves() -> None:
    """The canvas of windows cut from one latent is that latent, whatever their weights."""
    latent = torch.randn(1, 12, 4, dtype=torch.float64)
    weights = [torch.rand(12, 1, dtype=torch.float64) + 0.1 for _ in range(3)]
    assert torch.allclose(masked.fused([latent, latent, latent], weights), latent)
    assert torch.allclose(masked.fused([latent, latent + 2], [torch.ones(12, 1)] * 2), latent + 1)


def test_a_guided_step_lowers_its_loss(setting: baseline.Setting, noise: Tensor) -> None:
    """A small step down the gradient of the state lowers the loss of the estimate that is made of it."""
    schedule = setting.model.schedule(4, setting.scene)
    clean, way = guided.slope(setting, noise, schedule, 1)
    assert torch.allclose(way.flatten(1).norm(dim=1), torch.ones(1))
    again, _ = guided.slope(setting, noise - 0.5 * way, schedule, 1)
    assert setting.loss(again) < setting.loss(clean)


@pytest.mark.parametrize("method", [guided.guidance_gradients, guided.freedom])
def test_a_guided_chain_ends_nearer_than_a_free_one(method, setting: baseline.Setting, noise: Tensor) -> None:  # type: ignore[no-untyped-def]
    """Both guided chains end with less loss than the chain of the same noise, which they are at no strength."""
    plain = guided.guidance_gradients(setting, noise, 10, xi=0.0)
    assert setting.loss(method(setting, noise, 10)) < setting.loss(plain)


def test_time_travel_goes_back_to_the_level_of_its_step(setting: baseline.Setting) -> None:
    """A state of unit data and noise goes back to as much data and noise as the flow has at that time."""
    schedule = setting.model.schedule(10, setting.scene)
    draws = torch.Generator().manual_seed(0)
    eps, fresh = torch.randn(2, 100_000, generator=draws)
    earlier = guided.back(float(schedule.sigmas[5]) * eps, schedule, 4, fresh)
    assert float(earlier.std()) == pytest.approx(float(schedule.sigmas[4]), rel=0.02)


def test_the_known_part_is_in_the_masked_loop(setting: baseline.Setting, noise: Tensor) -> None:
    """Naive masking delivers the known part exactly, MultiDiffusion the mean of both, half way the model's own."""
    frames = setting.scene.frames
    inside = torch.arange(frames) < frames // 3
    recorded = torch.ones(1, *setting.scene.noise_shape)
    known = Known(inside, recorded)
    naive = masked.naive_mask(setting, noise, known, 4)
    assert torch.equal(naive[:, inside], recorded[:, inside])
    whole, half = (masked.multidiffusion(setting, noise, known, 4, until) for until in (1.0, 0.5))
    apart = [float((one[:, inside] - recorded[:, inside]).square().mean()) for one in (naive, whole, half)]
    assert apart[0] < apart[1] < apart[2]


def test_a_known_part_that_is_the_models_own_changes_nothing(setting: baseline.Setting, noise: Tensor) -> None:
    """What the free chain makes of the noise is left alone by a window that already agrees with it at the end."""
    known = Known(torch.zeros(setting.scene.frames, dtype=torch.bool), torch.zeros(1, *setting.scene.noise_shape))
    plain = guided.guidance_gradients(setting, noise, 4, xi=0.0)
    for made in (masked.naive_mask(setting, noise, known, 4), masked.multidiffusion(setting, noise, known, 4)):
        assert torch.allclose(made, plain, atol=1e-5)


@pytest.mark.parametrize("name", ["inpaint, gap 2 s", "outpaint, overlap 1 s, clip 3 s", "loop, reference"])
def test_an_edit_knows_its_ranges(name: str) -> None:
    """The known frames and the reference's sound lie in the ranges of the edit, and joins are where they end."""
    edit = EDITS[name]
    loop = np.ones((2, 5 * SAMPLE_RATE), np.float32)
    audio = edit_tasks._laid_out(edit, loop)
    inside = edit_tasks._inside(edit, 240)
    share = sum(last - first for first, last in edit.ranges) / edit.clip_seconds
    assert float(audio.mean()) == pytest.approx(share, abs=1e-3)
    assert float(inside.float().mean()) == pytest.approx(share, abs=0.01)
    assert all(0 < join < edit.clip_seconds for join in edit.joins)


def test_a_jump_is_larger_where_sound_is_cut_off() -> None:
    """Where noise stops, levels move farther than at usual places; inside of it they do not."""
    draws = np.random.default_rng(0)
    steady = draws.standard_normal((2, 2 * SAMPLE_RATE)).astype(np.float32)
    cut = steady.copy()
    cut[:, SAMPLE_RATE:] *= 0.03
    middle = edits_papers.EDGE_STEPS
    assert edits_papers.edge_profile(steady, 1.0)[middle] < 1.6
    profile = edits_papers.edge_profile(cut, 1.0)
    assert profile[middle] > 3
    assert profile.argmax() in (middle - 1, middle, middle + 1)
    assert len(profile) == 2 * middle + 1


def test_the_table_has_a_line_for_each_edit_and_method(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Lines come in the order of the paper's tables, with the published distance in small print."""
    rows = Rows(tmp_path / "rows.json")
    row = {"overlap_db": 1.0, "clean": 100.0, "seam": 0.5, "jump": 1.0, "seconds": 2.0}
    for method in ("ditto2", "freedom"):
        rows.put(f"inpaint, gap 2 s/{method}/0", row)
    rows.put("frechet/inpaint, gap 2 s/freedom", {"distance": 0.3, "loops": 24})
    body = edits_papers.table(rows).body
    by_method = {line[1]: line for line in body if line[0] == "inpaint, gap 2 s"}
    assert list(by_method) == list(edits_papers.METHODS)
    assert by_method["freedom"][3] == "0.300 <small>0.704</small>"
    assert by_method["doodl"][3] == "not yet run <small>0.688</small>"
    assert [line[1:4] for line in body if line[0] == "loop, no reference"] == [["not yet run", "0", ""]]


def test_the_table_says_first_where_a_baseline_is_better(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A column in which a baseline's mean is better than that of `ditto2` is the first thing that is read."""
    rows = Rows(tmp_path / "rows.json")
    row = {"overlap_db": 1.0, "clean": 100.0, "seam": 0.5, "jump": 1.0, "seconds": 2.0}
    rows.put("inpaint, gap 2 s/ditto2/0", row)
    rows.put("inpaint, gap 2 s/freedom/0", row | {"overlap_db": 0.5, "jump": 1.5})
    assert edits_papers.beaten(rows) == ["**`ditto2` is not the best by overlap: inpaint, gap 2 s (freedom).**"]
    rows.put("inpaint, gap 2 s/freedom/0", row | {"overlap_db": 1.5, "clean": 50.0})
    assert edits_papers.beaten(rows) == []


def test_methods_are_compared_on_the_seeds_that_both_have(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A seed that only a baseline has, or a Frechet distance of another number of loops, beats nobody."""
    rows = Rows(tmp_path / "rows.json")
    row = {"overlap_db": 1.0, "clean": 100.0, "seam": 0.5, "jump": 1.0, "seconds": 2.0}
    for method in ("ditto2", "freedom"):
        rows.put(f"inpaint, gap 2 s/{method}/0", row)
        rows.put(f"frechet/inpaint, gap 2 s/{method}", {"distance": 0.3, "loops": 12})
    rows.put("inpaint, gap 2 s/freedom/1", row | {"jump": 0.1})
    rows.put("frechet/inpaint, gap 2 s/freedom", {"distance": 0.2, "loops": 13})
    assert edits_papers.beaten(rows) == []
    rows.put("frechet/inpaint, gap 2 s/ditto2", {"distance": 0.3, "loops": 13})
    assert "by Frechet distance: inpaint, gap 2 s (freedom)" in edits_papers.beaten(rows)[0]


def test_a_frechet_distance_is_of_one_method(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Loops of MultiDiffusion that stops half way are not counted among those of MultiDiffusion."""
    for method, value in (("multidiffusion", 1.0), ("multidiffusion, half", 2.0)):
        np.save(tmp_path / f"loop, reference,{method},0.npy", np.full(3, value, np.float32))
    for method, value in (("multidiffusion", 1.0), ("multidiffusion, half", 2.0)):
        (vector,) = edits_papers.vectors_of(tmp_path, "loop, reference", method)
        assert np.array_equal(vector, np.full(3, value, np.float32))
