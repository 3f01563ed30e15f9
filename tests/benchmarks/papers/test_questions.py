"""The smaller questions: losses of an intensity, the noise of a recording, text without words."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from benchmarks.papers import baseline, doodl, graph, hacking, inversion, joint, losses, wordless
from benchmarks.quality import tasks
from benchmarks.rows import Rows
from engine.models.testing import TinyModel
from engine.pocket.model import load_pocket
from engine.request import LoopRequest
from engine.sampling import start_noise
from engine.settings import Settings


def test_ddim_backwards_finds_nearly_the_noise_of_a_loop() -> None:
    """The loop of the noise that is found is far nearer to the recording than that of a chance noise."""
    model = TinyModel(dtype=torch.float64)
    setting = baseline.setting_of(LoopRequest(bars=1, seed=3), model)
    chain = doodl.plain(model, setting.scene, 20)
    wanted = chain(start_noise(setting.scene, 3).double())
    asked = inversion.matching(setting, wanted)
    found = inversion.backwards(asked, wanted, 20)
    chance = chain(start_noise(setting.scene, 4).double())
    assert asked.loss(wanted) == pytest.approx(0)
    assert asked.loss(chain(found)) < 0.1 * asked.loss(chance)
    nearer = baseline.search(asked, chain, found, steps=3)
    assert asked.loss(nearer.latent) <= asked.loss(chain(found))


@pytest.mark.parametrize("kind", losses.LOSSES)
def test_each_loss_of_an_intensity_is_a_control(kind: str) -> None:
    """All three are controls of the engine, and a request with one is valid for a toy model."""
    (control,) = tasks.request("intensity", 0).controls
    request = tasks.base(0, type(control)(kind=kind, target=control.target))
    assert baseline.setting_of(request, TinyModel()).objective.goals[0].kind.startswith("intensity")


def test_tables_have_a_line_for_each_way(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Lines say what was measured, and what was published in small print."""
    rows = Rows(tmp_path / "losses.json")
    rows.put("intensity/0", {"intensity_mse": 0.3, "intensity_rho": 0.99})
    assert [line[1] for line in losses.table(rows).body] == ["0", "0", "1"]
    rows = Rows(tmp_path / "inversion.json")
    rows.put("ditto/0", {"error": 0.1, "noise_std": 1.0})
    assert inversion.table(rows).body[2][2].startswith("0.100")
    rows = Rows(tmp_path / "wordless.json")
    for way, score in zip(wordless.WAYS, (0.1, 0.4, 0.5), strict=True):
        rows.put(f"{way}/0", {"judge": score, "seconds": 1.0, "steps": 3.0})
    assert wordless.table(rows).body[1][3] == "0.75"


@pytest.mark.parametrize("module", [graph, hacking, joint], ids=["graph", "hacking", "joint"])
def test_a_cell_that_was_not_run_says_so(module: ModuleType, tmp_path: Path) -> None:
    """A table without rows has all its lines, and none of them a figure of ours."""
    for line in module.table(Rows(tmp_path / "rows.json")).body:
        assert any(part.startswith("not yet run") for part in line) or line[0] == joint.MELODY


@pytest.mark.parametrize("pair", [joint.OUTPAINT, joint.STRUCTURE, joint.MELODY])
def test_a_pair_is_two_controls_of_one_request(pair: str) -> None:
    """Each pair of the papers' table 9 is an intensity and another control, valid for the full mix."""
    request = joint.request_of(pair, 1)
    assert [control.kind for control in request.controls] == pair.split("+")


def test_a_search_is_read_at_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both searches go on past their tolerances, and the error of a search without guards falls."""
    monkeypatch.setattr(hacking, "COUNTS", (1, 4))
    for way in hacking.WAYS:
        found = list(hacking.searched(TinyModel(), "intensity", way, 0))  # type: ignore[arg-type]
        assert [count for count, _, _ in found] == [1, 4]


def test_the_vocoder_is_inside_or_outside() -> None:
    """What the loss hears outside is the latent's own picture, inside that of its waveform; both carry the gradient."""
    model = load_pocket(Settings(dtype="float32"))
    setting = baseline.setting_of(LoopRequest(prompt="house", bars=1), model)
    latent = start_noise(setting.scene, 0).requires_grad_()
    outside, inside = (graph.heard(setting, latent, way).power for way in graph.WAYS)
    assert torch.equal(outside, model.listen(latent, setting.scene).power)
    assert not torch.allclose(outside, inside, rtol=0.05)
    (slope,) = torch.autograd.grad(inside.log().sum(), latent)
    assert float(slope.abs().sum()) > 0


def test_two_controls_say_first_where_another_method_is_better(tmp_path: Path) -> None:
    """A column in which another method's mean is better than that of `ditto2` is the first thing that is read."""
    rows = Rows(tmp_path / "rows.json")
    for method, mse in (("guidance", 3.0), ("ditto2", 0.3)):
        rows.put(f"{joint.STRUCTURE}/{method}/0", {"intensity_mse": mse, "intensity_rho": 0.9, "structure_mse": 0.1})
    assert joint.beaten(rows) == []
    rows.put(f"{joint.STRUCTURE}/guidance/0", {"intensity_mse": 3.0, "intensity_rho": 0.9, "structure_mse": 0.05})
    assert joint.beaten(rows) == ["**`ditto2` is not the best by structure_mse in intensity+structure: guidance.**"]
    assert joint.table(rows).bar.startswith("Bar missed: **`ditto2` is not")
