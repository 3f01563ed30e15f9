"""What a GPU would be asked is ready, and a processor runs all of it but the graphs."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from benchmarks.rows import Rows
from benchmarks.speed import gpu
from engine.models import catalogue
from engine.request import MIX
from engine.settings import Settings

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_a_processor_leaves_out_the_graphs_and_says_so_in_one_sentence() -> None:
    """Compiling needs a compiler there; a GPU runs everything."""
    reasons = gpu.left_out(CPU, compiler=True)
    assert set(reasons) == {"graphs", "compiled graphs"}
    assert set(gpu.left_out(CPU, compiler=False)) == {*reasons, "compiled"}
    assert gpu.left_out(CUDA, compiler=False) == {}
    assert gpu.note({}, CUDA) == ""
    said = gpu.note(reasons, CPU)
    assert said.startswith("Left out on cpu: graphs (")
    assert said.count(".") == 1


def test_the_ways_are_those_that_models_can_be_loaded_in() -> None:
    """Each way has its name in `DITTO_COMPILE`."""
    assert set(gpu.WAYS.values()) <= {"off", catalogue.GRAPHS, *catalogue.COMPILE_MODES}


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A row that is there is not measured again, and no kernels are warmed for it; goals stand beside the figures."""
    asked: list[tuple[str, int]] = []

    def made(model: object, settings: object, task: str, seed: int) -> dict[str, float]:
        asked.append((task, seed))
        if asked.count(("melody", 1)) == 1 and asked[-1] == ("melody", 1):
            raise KeyboardInterrupt
        return {"seconds": 4.0 if task == gpu.EIGHT else 0.5}

    monkeypatch.setattr(gpu, "_request", made)
    monkeypatch.setattr(gpu, "step", lambda model, layers: {"ms": 7.0})
    monkeypatch.setattr(gpu, "sound", lambda model, on_processor: {"ms": 9.0})
    model = catalogue.load("pocket", Settings(device="cpu"))
    assert isinstance(model, gpu.Player)
    for _ in range(2):
        rows = Rows(tmp_path / "rows.json")
        with nullcontext() if asked else pytest.raises(KeyboardInterrupt):
            gpu.measure(rows, "here", "eager", model, Settings(), seeds=2)
    warm = [task for task, seed in asked if seed == 1000]
    assert warm == ["intensity", "melody", "melody", "intensity+melody", "redraw", gpu.EIGHT]
    assert [seed for task, seed in asked if task == "intensity"] == [1000, 0, 1]
    assert [seed for task, seed in asked if task == "melody"] == [1000, 0, 1, 1000, 1]
    (line,) = gpu.table(rows).body
    assert line[:2] == ["here", "eager"]
    assert line[2:6] == ["7.00", "7.00", "9.00", "9.00"]
    assert line[6:] == ["**0.500**", "0.500", "0.500", "**0.500**", "**4.00**"]


def test_a_step_is_timed_on_a_processor() -> None:
    """The gradient, the forward pass and the first call, each longer than nothing."""
    model = catalogue.load("pocket", Settings(device="cpu"))
    row = gpu.step(model, (MIX,), repeats=1)
    assert set(row) == {"ms", "forward_ms", "first_s"}
    assert all(value > 0 for value in row.values())
