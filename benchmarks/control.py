"""How closely loops follow what is asked, for every control and method, read back from the written file.

    python -m benchmarks.control --model pocket --seeds 24 --out control.json
    python -m benchmarks.control --only intensity,melody --methods none,ditto2 --seeds 4
    python -m benchmarks.control --out benchmarks/results/control.json      # the published rows, gone on with

Prints one table per task: mean and 95 % bootstrap interval for each column of `--methods`, on the same seeds; a
method may be `told` (the model's own control inputs, no optimisation) or `told+ditto2`. Everything is written to JSON
after each loop, and a file that is there is gone on with.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import judge, tasks
from engine import controls, metrics, pipeline
from engine.audio.wav import read_audio, write_loop
from engine.events import Take
from engine.metrics import melody as melody_metric
from engine.metrics import structure as structure_metric
from engine.models import catalogue
from engine.models.protocol import Model
from engine.pocket import words
from engine.pocket.bands import FRAMES_PER_LATENT, latent_frames, log_bands
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.model import Pocket
from engine.request import Budget, LoopRequest, Notes, Words
from engine.settings import Settings
from midi.melody import melody as one_voice
from midi.melody import pitch_class_target

UNHURRIED = Budget(seconds=3600.0)  # a search ends by its target or its steps here, not by the clock of this machine
METHODS = ("none", "guidance", "ditto-paper", "ditto", "ditto2")
SHOWN = {
    "intensity": ("intensity_mse", "intensity_mse_gain_free", "intensity_rho", "intensity_bar"),
    "melody": ("melody_accuracy", "melody_judge"),
    "intensity+melody": ("intensity_mse", "intensity_rho", "melody_accuracy", "melody_judge"),
    "rhythm": ("rhythm_f1", "rhythm_f1_tight"),
    "groove": ("rhythm_f1", "rhythm_f1_tight"),
    "structure": ("structure_mse", "structure_mse_of_none", "structure_form"),
    "brightness": ("brightness_error_octaves",),
    "text": ("text_judge", "text_judge_above_none"),
    "three": ("intensity_mse", "intensity_rho", "melody_accuracy", "brightness_error_octaves"),
}
ALWAYS = ("seam_ratio", "held_out", "noise_std", "noise_flatness", "steps", "seconds")

Row = dict[str, Any]


def run(model: Model, request: LoopRequest, settings: Settings) -> Row:
    """Make one loop, write it, read it back and score it."""
    started = time.perf_counter()
    take = next(event for event in pipeline.make_loop(request, model, settings) if isinstance(event, Take))
    audio = np.frombuffer(take.sound.samples, "<f4").reshape(-1, take.sound.channels).T
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.wav"
        write_loop(
            file, audio, request.sample_rate, tempo_bpm=request.tempo_bpm, beats=request.beats, meter=request.meter
        )
        seconds = time.perf_counter() - started
        written, rate = read_audio(file)
    assert written.shape[1] == request.samples
    scores: Row = dict(metrics.score(written, rate, request, controls.metrics()))
    scores |= {"held_out": take.scores.get("held_out"), "seconds": seconds, "gain_db": take.record.get("gain_db")}
    facts = {name: value for name, value in take.record.items() if name == "steps" or name.startswith("noise_")}
    return scores | facts | _judged(written, rate, request, scores, model)


def _judged(audio: NDArray[np.float32], rate: int, request: LoopRequest, scores: Row, model: Model) -> Row:
    """What independent ears say: a bar met or not, notes heard, a form found, a text recognised."""
    found: Row = {}
    mse, rho = scores["intensity_mse"], scores["intensity_rho"]
    if mse is not None and rho is not None:
        found["intensity_bar"] = float(mse <= 0.6 and rho >= 0.985)
    for control in request.controls:
        if isinstance(control.target, Notes):
            found["melody_judge"] = _heard_notes(audio, rate, request, control.target)
        if control.kind == "structure" and isinstance(control.target, Words):
            form = structure_metric.canonical(control.target.text)
            heard = structure_metric.found_form(audio.mean(0), rate, len(form), len(set(form)), circular=True)
            found["structure_form"] = float(structure_metric.canonical(heard) == form)
    if isinstance(model, Pocket) and model.towers is not None:
        found["text_judge"] = _judged_text(audio, request, model)
    return found


@torch.no_grad()
def judge_vector(audio: NDArray[np.float32], model: Pocket) -> torch.Tensor:
    """Return the unit vector of a loop [2, samples] at 44.1 kHz in the tower that is never optimised."""
    assert model.towers is not None
    bands = log_bands(torch.tensor(audio), FRAMES_PER_LATENT * latent_frames(audio.shape[1]))
    return model.towers.judge.hear(bands[None].to(model.device))[0]


def _judged_text(audio: NDArray[np.float32], request: LoopRequest, model: Pocket) -> float:
    """Return how well a loop at 44.1 kHz fits its prompt, -1 to 1, in the judge's tower."""
    assert model.towers is not None
    said = torch.zeros(1, WORD_SLOTS, device=model.device)
    said[0, list(words.parse(request.prompt).ids)] = 1
    return float(judge_vector(audio, model) @ model.towers.judge.read(said)[0])


def _heard_notes(audio: NDArray[np.float32], rate: int, request: LoopRequest, notes: Notes) -> float | None:
    frames = melody_metric.frame_count(audio.shape[1], rate)
    classes, sounding = pitch_class_target(one_voice(notes.notes), request.beats, frames)
    heard = judge.chroma(audio.mean(0), rate, frames)
    return None if heard is None else float((heard.argmax(1) == classes)[sounding].mean())


def interval(values: Iterable[float | None], draws: int = 2000) -> tuple[float, float, float] | None:
    """Return the mean and the ends of its 95 % bootstrap interval, None without values."""
    found = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(found):
        return None
    means = found[np.random.default_rng(0).integers(len(found), size=(draws, len(found)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(found.mean()), float(low), float(high)


def table(task: str, rows: dict[str, list[Row]]) -> str:
    """Return one task's table in Markdown, a column for each method."""
    methods = [method for method in rows if rows[method]]
    lines = [f"\n### {task}", "| | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for name in (*SHOWN[task], *ALWAYS):
        cells = []
        for method in methods:
            found = interval(row.get(name) for row in rows[method])
            cells.append("" if found is None else f"{found[0]:.3g} ({found[1]:.3g}-{found[2]:.3g})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="pocket")
    options.add_argument("--seeds", type=int, default=24)
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--only", default=",".join(tasks.TASKS))
    options.add_argument("--methods", default=",".join(METHODS))
    options.add_argument("--quality", default="normal")
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    options.add_argument("--out", type=Path, default=Path("control.json"))
    chosen = options.parse_args()
    settings = Settings(dtype=chosen.dtype)
    done = kept(chosen.out)
    models: dict[bool, Model] = {}
    for task in chosen.only.split(","):
        for method in chosen.methods.split(","):
            told = method.startswith("told")
            if told not in models:
                models[told] = catalogue.load("pocket-told" if told else chosen.model, settings)
            for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
                key = f"{task}/{method}/{seed}"
                if key not in done:
                    own = (method.partition("+")[2] or "none") if told else method
                    asked = msgspec.structs.replace(
                        tasks.request(task, seed), method=own, quality=chosen.quality, budget=UNHURRIED
                    )
                    done[key] = run(models[told], asked, settings)
                    keep(done, chosen.out)
        _beside_none(done, task)
        print(table(task, _by_method(done, task, chosen.methods.split(","))), flush=True)


def kept(file: Path) -> dict[str, Row]:
    """Return the rows of a file that `keep` wrote; none where there is no such file yet."""
    return json.loads(file.read_text()) if file.exists() else {}


def keep(done: dict[str, Row], file: Path) -> None:
    """Write a loop per line, to five digits, without what it was not asked for."""
    rows = {
        key: {name: float(f"{value:.5g}") for name, value in row.items() if value is not None}
        for key, row in done.items()
    }
    lines = (f"{json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items())
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _beside_none(done: dict[str, Row], task: str) -> None:
    """Note for each loop whether its text is judged above that of its seed without a search, and its share of error."""
    for key, row in done.items():
        own, _, seed = key.split("/")
        none = done.get(f"{task}/none/{seed}")
        if own == task == "text" and none and row.get("text_judge") is not None:
            row["text_judge_above_none"] = float(row["text_judge"] > none["text_judge"])
        if own == task == "structure" and none and none["structure_mse"]:
            row["structure_mse_of_none"] = row["structure_mse"] / none["structure_mse"]


def _by_method(done: dict[str, Row], task: str, methods: list[str]) -> dict[str, list[Row]]:
    return {method: [row for key, row in done.items() if key.startswith(f"{task}/{method}/")] for method in methods}


if __name__ == "__main__":
    main()
