"""What a training keeps on disk: tensors by name, the optimisers' memories, the step they are of, and its log."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = "state.safetensors"


def save(
    folder: Path, parts: dict[str, dict[str, Tensor]], optimizers: Sequence[torch.optim.Optimizer], step: int
) -> None:
    """Write state dicts by the names in `parts` and what `optimizers` remember, beside its name and renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
    for index, optimizer in enumerate(optimizers):
        for number, slots in optimizer.state_dict()["state"].items():
            name = f"optimizer.{index}.{number}"
            tensors |= {f"{name}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    part = folder / "state.part"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, part, metadata={"step": str(step)})
    part.replace(folder / FILE)


def load(folder: Path, optimizers: Sequence[torch.optim.Optimizer]) -> tuple[dict[str, Tensor], int] | None:
    """Return all tensors in `folder` and their step, and give `optimizers` their memories; None where there is none."""
    file = folder / FILE
    if not file.exists():
        return None
    tensors = load_file(file)
    for index, optimizer in enumerate(optimizers):
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in under(tensors, f"optimizer.{index}.").items():
            number, slot = name.split(".", 1)
            slots.setdefault(int(number), {})[slot] = tensor
        optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    with safe_open(file, "pt") as opened:
        return tensors, int(opened.metadata()["step"])


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def follow(average: dict[str, Tensor], network: torch.nn.Module, averaging: float, step: int) -> None:
    """Move `average` towards the weights of `network`; faster over the first steps."""
    keep = min(averaging, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            average[name].lerp_(tensor, 1 - keep)


def share_done(began: float, steps: int, minutes: float, most_steps: int | None) -> float:
    """Return how much of a piece that `began` at a monotonic time is done, 0 to 1, by its minutes or its steps."""
    passed = (time.monotonic() - began) / 60 / minutes
    return passed if most_steps is None else max(passed, steps / most_steps)


def report(folder: Path, line: dict[str, float]) -> None:
    """Add a line to the log in `folder`, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)  # noqa: T201 - the command's own output
