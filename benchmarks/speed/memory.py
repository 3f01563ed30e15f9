"""Peak memory and time of one optimisation step against sampling steps and model size, with and without recomputing.

    python -m benchmarks memory --steps 1,2,5,10,20,50 --millions 5,20,60,200 --out memory.json

Each point is a process of its own, and its peak is the process's largest resident size less what it was before the
step; on an accelerator it is the allocator's. The model is diffusers' latent transformer with random weights.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from engine.models.protocol import Schedule
from engine.sampling import follow, start

FRAMES, CHANNELS = 344, 64
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
    return model.to(device).eval().requires_grad_(False)


def step(steps: int, millions: float, *, checkpoint: bool, device: str) -> dict[str, float]:
    """Run one forward and backward through `steps` calls; return bytes at the peak, seconds and parameters."""
    from diffusers.models.embeddings import get_1d_rotary_pos_embed
    from torch.utils.checkpoint import checkpoint as recomputed

    model = network(millions, device)
    text = torch.randn(1, 8, 64, device=device)
    rotary = tuple(
        part.to(device) for part in get_1d_rotary_pos_embed(32, FRAMES + 1, use_real=True, repeat_interleave_real=False)
    )
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    schedule = Schedule(times=times, alphas=1 - times, sigmas=times)

    def clean(latent: torch.Tensor, i: int) -> torch.Tensor:
        def call(latent: torch.Tensor) -> torch.Tensor:
            now = times[i].to(latent).reshape(1)
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

    noise = torch.randn(1, CHANNELS, FRAMES, device=device, requires_grad=True)
    with torch.no_grad():
        clean(noise, 0)
    before = _peak_bytes(device)
    started = time.perf_counter()
    follow(start(noise, schedule), schedule, "ddim", None, clean).square().mean().backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return {
        "bytes": _peak_bytes(device) - before,
        "seconds": time.perf_counter() - started,
        "millions": sum(p.numel() for p in model.parameters()) / 1e6,
    }


def _peak_bytes(device: str) -> float:
    if device == "cuda":
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def measured(steps: int, millions: float, *, checkpoint: bool, device: str) -> dict[str, float] | None:
    """Run one point in its own process; None where it did not fit."""
    point = f"{steps},{millions},{int(checkpoint)},{device}"
    command = [sys.executable, "-m", "benchmarks", "memory", "--point", point]
    # The allocator keeps what was freed, so a resident size is only the step's own where freed memory is given back
    # at once; giving back costs time, so time is taken from a run of its own.
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | extra)
        for extra in (GIVE_BACK, {})
    ]
    if any(done.returncode for done in runs):
        return None
    lean, fast = (json.loads(done.stdout.splitlines()[-1]) for done in runs)
    return {**lean, "seconds": fast["seconds"]}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--steps", default="1,2,5,10,20,50")
    options.add_argument("--millions", default="5,20,60,200")
    options.add_argument("--device", default="cpu")
    options.add_argument("--out", type=Path, default=Path("memory.json"))
    options.add_argument("--point", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.point:
        steps, millions, checkpoint, device = chosen.point.split(",")
        print(json.dumps(step(int(steps), float(millions), checkpoint=checkpoint == "1", device=device)))
        return
    found = []
    print("| millions | steps | recomputed MiB | plain MiB | recomputed s | plain s |\n|---|---|---|---|---|---|")
    for millions in map(float, chosen.millions.split(",")):
        for steps in map(int, chosen.steps.split(",")):
            pair = [measured(steps, millions, checkpoint=flag, device=chosen.device) for flag in (True, False)]
            found.append({"millions": millions, "steps": steps, "recomputed": pair[0], "plain": pair[1]})
            cells = [f"{one['bytes'] / 2**20:.0f}" if one else "-" for one in pair]
            cells += [f"{one['seconds']:.2f}" if one else "-" for one in pair]
            print(f"| {millions:g} | {steps} | " + " | ".join(cells) + " |", flush=True)
            chosen.out.write_text(json.dumps(found, indent=1))
