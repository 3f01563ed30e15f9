"""What a training stage keeps on disk: weights, their average, optimiser states, the step, and its log."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

FILE = "state.safetensors"
SAVE_EVERY_SECONDS = 300


class Clock:
    """How far a stage is, and whether it is time to pause.

    A stage lasts `minutes`, of which some may have been spent in earlier runs, or `most_steps` of this run.
    """

    def __init__(
        self,
        minutes: float,
        *,
        most_steps: int | None = None,
        spent_minutes: float = 0.0,
        pause_after_minutes: float = math.inf,
    ) -> None:
        self.minutes = minutes
        self._most_steps, self._spent_before, self._pause_after = most_steps, spent_minutes, pause_after_minutes
        self._began = time.monotonic()

    @property
    def passed_minutes(self) -> float:
        """Minutes of this run."""
        return (time.monotonic() - self._began) / 60

    @property
    def spent_minutes(self) -> float:
        """Minutes of the stage so far, earlier runs included."""
        return self._spent_before + self.passed_minutes

    def share_done(self, steps: int) -> float:
        """Return how much of the stage is done after so many `steps` of this run; 1 and more is all."""
        share = self.spent_minutes / self.minutes
        return share if self._most_steps is None else max(share, steps / self._most_steps)

    @property
    def pauses(self) -> bool:
        """Whether this run is over, if the stage is not."""
        return self.passed_minutes >= self._pause_after

    def steps(self, save: Callable[[], None]) -> Iterator[float]:
        """Yield how much of the stage is done before each step; call `save` every five minutes and at the end."""
        done, saved = 0, time.monotonic()
        while (share := self.share_done(done)) < 1 and not self.pauses:
            yield share
            done += 1
            if time.monotonic() - saved > SAVE_EVERY_SECONDS:
                save()
                saved = time.monotonic()
        save()


def save(
    folder: Path,
    networks: dict[str, nn.Module],
    average: dict[str, Tensor],
    optimizers: Sequence[torch.optim.Optimizer],
    step: int,
    minutes: float,
) -> None:
    """Write `networks` by name, the `average` weights and what `optimizers` remember, beside its name and renamed.

    `step` and the `minutes` spent so far go into the file's header.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: network.state_dict() for name, network in networks.items()} | {"average": average}
    tensors = {f"{part}.{name}": tensor for part, state in parts.items() for name, tensor in state.items()}
    for index, optimizer in enumerate(optimizers):
        for number, slots in optimizer.state_dict()["state"].items():
            name = f"optimizer.{index}.{number}"
            tensors |= {f"{name}.{slot}": torch.as_tensor(value) for slot, value in slots.items()}
    part = folder / "state.part"
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        part,
        metadata={"step": str(step), "minutes": str(minutes)},
    )
    part.replace(folder / FILE)


def load(
    folder: Path, networks: dict[str, nn.Module], optimizers: Sequence[torch.optim.Optimizer]
) -> tuple[dict[str, Tensor], int] | None:
    """Give `networks` and `optimizers` what `folder` keeps of them; return the average weights and the step.

    None where nothing is kept. The average is where the first network is.
    """
    file = folder / FILE
    if not file.exists():
        return None
    tensors = load_file(file)
    for part, network in networks.items():
        network.load_state_dict(under(tensors, f"{part}."))
    for index, optimizer in enumerate(optimizers):
        slots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in under(tensors, f"optimizer.{index}.").items():
            number, slot = name.split(".", 1)
            slots.setdefault(int(number), {})[slot] = tensor
        optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
    device = next(next(iter(networks.values())).parameters()).device
    average = {name: tensor.to(device) for name, tensor in under(tensors, "average.").items()}
    with safe_open(file, "pt") as opened:
        return average, int(opened.metadata()["step"])


def spent_minutes(folder: Path) -> float:
    """Return the minutes that were spent on the state in `folder`, 0 where there is none."""
    if not (folder / FILE).exists():
        return 0.0
    with safe_open(folder / FILE, "pt") as opened:
        return float(opened.metadata().get("minutes", 0.0))


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def copied(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's weights by name, as the average begins."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def update_average(average: dict[str, Tensor], network: nn.Module, averaging: float, step: int) -> None:
    """Move `average` towards the weights of `network` by 1 - `averaging`, in place; faster over the first steps."""
    keep = min(averaging, (1 + step) / (10 + step))
    with torch.no_grad():
        latest = network.state_dict()
        torch._foreach_lerp_(list(average.values()), [latest[name] for name in average], 1 - keep)


def report(folder: Path, line: dict[str, float]) -> None:
    """Add a line to the log in `folder`, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)  # noqa: T201 - the command's own output
