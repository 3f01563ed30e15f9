"""Peak memory and time of one optimisation step against sampling steps and model size, with and without recomputing.

    python -m benchmarks memory --steps 1,2,5,10,20,50 --millions 5,20,60,200 [--publish]

Each point is a process of its own, and its peak is the process's largest resident size less what it was before the
step; on an accelerator it is the allocator's. The model is diffusers' latent transformer with random weights.
"""

import json
import math
import os
import resource
import subprocess
import sys
import time
from argparse import SUPPRESS
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.rows import Rows
from engine.models.protocol import Schedule
from engine.sampling import sample_ddim, start

FRAMES, CHANNELS = 344, 64
MIB = 2**20
KINDS = {"recomputed": True, "plain": False}
MEMORY, SECONDS = Bar(1 / 8), Bar(1.5)
BAR = (
    "Bars: at 20 sampling steps at most 1/8 of the memory and 1.5 times the time of a step that keeps everything; the "
    "project's own. The memory of both papers' gradient checkpointing is not published."
)
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}  # of glibc


def network(millions: float, device: str) -> Any:
    """Return a transformer of about `millions` parameters and the number that it has."""
    from diffusers import StableAudioDiTModel

    width = 64 * max(2, round(math.sqrt(millions * 1e6 / (24 * 6)) / 64))
    layers = max(2, round(millions * 1e6 / (24 * width * width)))
    model = StableAudioDiTModel(
        sample_size=FRAMES,
        in_channels=CHANNELS,
        out_channels=CHANNELS,
        num_layers=layers,
        attention_head_dim=64,
        num_attention_heads=width // 64,
        num_key_value_attention_heads=width // 64,
        cross_attention_dim=64,
        cross_attention_input_dim=64,
        global_states_input_dim=64,
    )
    return (model if device == "cpu" else model.to(device)).eval().requires_grad_(False)


def chain(model: Any, schedule: Schedule, *, checkpoint: bool, device: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the chain from noise [1, channels, frames] to latent through a network."""
    from diffusers.models.embeddings import get_1d_rotary_pos_embed
    from torch.utils.checkpoint import checkpoint as recomputed

    text = torch.randn(1, 8, 64, device=device)
    rotary = tuple(
        part.to(device) for part in get_1d_rotary_pos_embed(32, FRAMES + 1, use_real=True, repeat_interleave_real=False)
    )

    def clean(latent: torch.Tensor, i: int) -> torch.Tensor:
        def call(latent: torch.Tensor) -> torch.Tensor:
            now = schedule.times[i].to(latent).reshape(1)
            velocity = model(
                latent,
                now,
                encoder_hidden_states=text,
                global_hidden_states=text[:, :1],
                rotary_embedding=rotary,
                return_dict=False,
            )[0]
            return latent - now * velocity

        return recomputed(call, latent, use_reentrant=False) if checkpoint else call(latent)

    return lambda noise: sample_ddim(clean, start(noise, schedule), schedule)


def step(steps: int, millions: float, *, checkpoint: bool, device: str) -> dict[str, float]:
    """Run one forward and backward through `steps` calls; return bytes at the peak, seconds and parameters."""
    model = network(millions, device)
    noise = torch.randn(1, CHANNELS, FRAMES, device=device, requires_grad=True)
    with torch.no_grad():
        chain(model, Schedule.straight(1), checkpoint=False, device=device)(noise)
    before = _peak_bytes(device)
    started, busy = time.perf_counter(), time.process_time()
    chain(model, Schedule.straight(steps), checkpoint=checkpoint, device=device)(noise).square().mean().backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return {
        "bytes": _peak_bytes(device) - before,
        "seconds": time.perf_counter() - started,
        "busy": time.process_time() - busy,
        "millions": sum(p.numel() for p in model.parameters()) / 1e6,
    }


def _peak_bytes(device: str) -> float:
    if device == "cuda":
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def measured(steps: int, millions: float, *, checkpoint: bool, device: str) -> dict[str, float]:
    """Run one point in its own process; no figures where it did not fit."""
    point = f"{steps},{millions},{int(checkpoint)},{device}"
    command = [sys.executable, "-m", "benchmarks", "memory", "--point", point]
    # The allocator keeps what was freed, so a resident size is only the step's own where freed memory is given back
    # at once; giving back costs time, so time is taken from a run of its own.
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | extra)
        for extra in (GIVE_BACK, {})
    ]
    if any(done.returncode for done in runs):
        return {}
    lean, fast = (json.loads(done.stdout.splitlines()[-1]) for done in runs)
    return {**lean, "seconds": fast["seconds"]}


def table(rows: Rows) -> Table:
    """Return memory and time of a step for each size and count of sampling steps, recomputed over plain."""
    body = []
    for point in dict.fromkeys(key.rpartition("/")[0] for key in rows):
        own, plain = (rows.find(f"{point}/{kind}") for kind in KINDS)
        if not own or not plain:
            continue
        steps = int(point.partition("/")[2])
        memory, seconds = own["bytes"] / plain["bytes"], own["seconds"] / plain["seconds"]
        bars = (MEMORY, SECONDS) if steps == 20 else (None, None)
        body.append([
            f"{own['millions']:.3g} M", str(steps), f"{own['bytes'] / MIB:,.0f}", f"{plain['bytes'] / MIB:,.0f}",
            cell(memory, 2, bars[0]), f"{own['seconds']:.3g}", f"{plain['seconds']:.3g}", cell(seconds, 3, bars[1]),
        ])  # fmt: skip
    head = ("parameters", "sampling steps", "MiB", "MiB, nothing recomputed", "share", "seconds", "plain", "times")
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--steps", default="1,2,5,10,20,50")
    options.add_argument("--millions", default="5,20,60,200")
    options.add_argument("--device", default="cpu")
    options.add_argument("--point", help=SUPPRESS)
    add_rows(options, "memory")
    chosen = options.parse_args()
    if chosen.point:
        steps, millions, checkpoint, device = chosen.point.split(",")
        print(json.dumps(step(int(steps), float(millions), checkpoint=checkpoint == "1", device=device)))
        return
    rows = open_rows(chosen)
    for millions in map(float, chosen.millions.split(",")):
        for steps in map(int, chosen.steps.split(",")):
            for kind, checkpoint in KINDS.items():
                measure = partial(measured, steps, millions, checkpoint=checkpoint, device=chosen.device)
                rows.get(f"{millions:g}/{steps}/{kind}", measure)
    print(table(rows).markdown())
