"""A search on a GPU: its step eager, compiled and replayed from CUDA graphs; where sound is made; whole requests.

    python -m benchmarks gpu --label "one NVIDIA H100, bfloat16" [--ways eager,graphs] [--publish]

A step is the surrogate's latent of 8 s at 120 BPM, full mix, its spectrum and the gradient; in layers, of three of
them. Sound is made from one latent, with the networks on the device or on a processor; phases are integrated on a
processor in both. Requests are timed from the request to the file. Rows are `LABEL/WAY/KIND` and
`LABEL/WAY/TASK/SEED`, and a run that was stopped goes on. Elsewhere than on a GPU all is run but the graphs.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec
import torch

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, weights_of
from benchmarks.rows import Row, Rows
from benchmarks.speed import seconds
from benchmarks.speed.takes import TAKES, made
from engine import sampling
from engine.models import catalogue
from engine.models.hardware import choose_place
from engine.models.protocol import Model, Scene
from engine.models.speed.threads import use_threads
from engine.pocket.layered import LayeredPocket
from engine.pocket.model import Pocket
from engine.request import MIX, Layer
from engine.search.surrogate import Chain, latent_of
from engine.settings import Settings

Player = Pocket | LayeredPocket

WAYS = {"eager": "off", "compiled": "default", "graphs": catalogue.GRAPHS, "compiled graphs": "reduce-overhead"}
"""How the network runs, as `DITTO_COMPILE` names it."""

NEED_GPU = ("graphs", "compiled graphs")
STEPS = {"step": (MIX,), "step in layers": (Layer.DRUMS, Layer.BASS, Layer.CHORDS)}
SOUND = {"sound on the device": False, "sound on a processor": True}
EIGHT = f"{TAKES} takes"
GOALS = {"intensity": Bar(0.3), "melody": Bar(0.6), "intensity+melody": Bar(1.0), "redraw": Bar(0.15)}
EIGHT_OVER_ONE = Bar(TAKES / 3)  # of one intensity's seconds: together three times quicker than one by one
REPEATS = 20
BAR = (
    "Goals on a GPU: 0.3, 0.6, 1 and 0.15 s, and eight takes three times quicker than one by one; the project's own. "
    "Bold misses its goal. Steps and sound are medians in ms, requests means in s."
)


def left_out(device: torch.device, *, compiler: bool) -> dict[str, str]:
    """Return the ways that cannot be run on `device`, each with its reason; `compiler` says if there is one for C++."""
    if device.type == "cuda":
        return {}
    reasons = dict.fromkeys(NEED_GPU, "CUDA graphs are recorded on a GPU")
    return reasons if compiler else reasons | {"compiled": "torch compiles for a processor by a C++ compiler"}


def note(reasons: dict[str, str], device: torch.device) -> str:
    """Return one sentence on the ways that are left out; empty where all are run."""
    why = "; ".join(f"{way} ({reason})" for way, reason in reasons.items())
    return f"Left out on {device.type}: {why}." if why else ""


def median_ms(work: Callable[[], object], device: torch.device, repeats: int = REPEATS) -> float:
    """Return the median of `repeats` calls in ms, each until the device has done its work."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(1e3 * (time.perf_counter() - began))
    return statistics.median(found)


def _laid(model: Model, layers: tuple[str, ...]) -> tuple[Scene, torch.Tensor]:
    """Return the scene of 8 s in `layers`, and its noise on the model's device."""
    request = msgspec.structs.replace(tasks.base(0), layers=layers)
    scene = model.scene(request)
    return scene, sampling.start_noise(scene, request.seed).to(model.device)


def step(model: Model, layers: tuple[str, ...], repeats: int = REPEATS) -> Row:
    """Time a gradient through the surrogate's chain and what is listened to, and the forward pass alone."""
    scene, start = _laid(model, layers)
    chain = Chain(steps=model.card.surrogate_steps, sampler=model.card.sampler)

    def gradient() -> torch.Tensor:
        noise = start.clone().requires_grad_()
        heard = model.listen(latent_of(model, scene, noise, chain, checkpoint=False), scene)
        return torch.autograd.grad(heard.mid_level_db.square().mean(), noise)[0]

    def forward() -> torch.Tensor:
        with torch.no_grad():  # another noise each time: the last answers are kept
            return latent_of(model, scene, torch.randn_like(start), chain)

    began = time.perf_counter()
    gradient()
    first_s = time.perf_counter() - began
    return {
        "ms": median_ms(gradient, model.device, repeats),
        "forward_ms": median_ms(forward, model.device, repeats),
        "first_s": first_s,  # with compiling or recording
    }


def sound(model: Player, *, on_processor: bool, repeats: int = REPEATS) -> Row:
    """Time the waveform of one latent: decoder and vocoder on the model's device, or all of it on a processor."""
    scene, start = _laid(model, (MIX,))
    maker = model.pocket if isinstance(model, LayeredPocket) else model
    if on_processor and model.device.type != "cpu":
        moved = catalogue.load("pocket", Settings(device="cpu", dtype="float32"))
        assert isinstance(moved, LayeredPocket | Pocket)
        maker = moved.pocket if isinstance(moved, LayeredPocket) else moved
    scene = maker.scene(msgspec.structs.replace(tasks.base(0), layers=(MIX,)))

    def make() -> torch.Tensor:
        with torch.no_grad():  # of another latent each time: the last sounds are kept
            return maker.decode(torch.randn_like(start).to(maker.device), scene).cpu()

    make()
    return {"ms": median_ms(make, model.device, repeats)}


def eight(model: Player, settings: Settings, seed: int) -> Row:
    """Time one request for eight takes that follow an intensity."""
    request = msgspec.structs.replace(tasks.request("intensity", seed), count=TAKES, budget=UNHURRIED)
    began = time.perf_counter()
    made(model, settings, request)
    return {"seconds": time.perf_counter() - began}


def measure(rows: Rows, label: str, way: str, model: Player, settings: Settings, seeds: int) -> None:
    """Measure what is missing of one way; its kernels are warm before whole requests are timed."""
    for kind, layers in STEPS.items():
        if layers == (MIX,) or isinstance(model, LayeredPocket):
            rows.get(f"{label}/{way}/{kind}", partial(step, model, layers))
    if way == "eager":
        for kind, on_processor in SOUND.items():
            rows.get(f"{label}/{way}/{kind}", partial(sound, model, on_processor=on_processor))
    missing = [
        (task, seed) for task in (*GOALS, EIGHT) for seed in range(seeds) if f"{label}/{way}/{task}/{seed}" not in rows
    ]
    for task in dict.fromkeys(task for task, _ in missing):
        _request(model, settings, task, 1000)
        for seed in (seed for other, seed in missing if other == task):
            rows.get(f"{label}/{way}/{task}/{seed}", partial(_request, model, settings, task, seed))


def _request(model: Player, settings: Settings, task: str, seed: int) -> Row:
    return eight(model, settings, seed) if task == EIGHT else seconds.measured(model, settings, task, seed)


def table(rows: Rows) -> Table:
    """Return a line for each label and way: steps, sound, whole requests beside their goals."""
    body = []
    for label, way in dict.fromkeys(tuple(key.split("/")[:2]) for key in rows):
        here = f"{label}/{way}"
        parts = [cell(rows.find(f"{here}/{kind}").get("ms"), 3) for kind in (*STEPS, *SOUND)]
        means = {task: _mean_seconds(rows, f"{here}/{task}") for task in (*GOALS, EIGHT)}
        one, all_takes = means["intensity"], means[EIGHT]
        bar = Bar(EIGHT_OVER_ONE.limit * one) if one else None
        body.append([
            label, way, *parts, *(cell(means[task], 3, goal) for task, goal in GOALS.items()), cell(all_takes, 3, bar),
        ])  # fmt: skip
    return Table(head=("", "", *STEPS, *SOUND, *GOALS, EIGHT), body=body, bar=BAR)


def _mean_seconds(rows: Rows, prefix: str) -> float | None:
    found = [float(row["seconds"]) for row in rows.below(prefix).values()]
    return statistics.fmean(found) if found else None


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--label", required=True)
    options.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")
    options.add_argument("--device", default="auto")
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    add_rows(options, "gpu", seeds=8)
    chosen = options.parse_args()
    rows, settings = open_rows(chosen, weights_of("pocket")), Settings(device=chosen.device, dtype=chosen.dtype)
    use_threads(settings)
    _run(chosen, rows, settings)
    print(table(rows).markdown())


def _run(chosen: argparse.Namespace, rows: Rows, settings: Settings) -> None:
    ways = chosen.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        raise SystemExit(f"There is no way {', '.join(sorted(unknown))}. There are {', '.join(WAYS)}.")
    device = choose_place(settings, small=True).device
    reasons = left_out(device, compiler=shutil.which("c++") is not None)
    print(note({way: why for way, why in reasons.items() if way in ways}, device), flush=True)
    for way in (way for way in ways if way not in reasons):
        model = catalogue.load("pocket", replace(settings, compile=WAYS[way]))
        assert isinstance(model, Player)
        measure(rows, chosen.label, way, model, settings, chosen.seeds)


if __name__ == "__main__":
    main()
