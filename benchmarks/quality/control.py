"""How closely loops follow what is asked, for every control and method, read back from the written file.

    python -m benchmarks control --seeds 24 --publish                             # the published rows, gone on with
    python -m benchmarks control --only intensity,melody --methods none,ditto2 --seeds 4
    python -m benchmarks control --layers --methods none,guidance,ditto2 --publish

Prints one table per task: mean and 95 % bootstrap interval for each column of `--methods`, on the same seeds. `ditto2`
is the search alone. With `shown+ditto2` the network is shown the tune, as whoever asks for one gets it; only tasks with
a tune have it. With `told+ditto2` it is shown all that its control inputs know, with `told` that alone, without a
search. Rows are `TASK/METHOD/SEED`.
With `--layers` loops have four layers, each with a noise of its own, else they are full mixes, as the papers' models
make them; a control is then scored in the stems that it moves (a melody in the lead), and rows go to a file of their
own.
"""

import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.quality import judge, tasks
from benchmarks.quality.form import canonical, found_form
from benchmarks.quality.pocket import full_mix_weights
from benchmarks.rows import Row, Rows, mean_interval, weights_name
from engine import controls, metrics, pipeline
from engine.audio.finish import Finished
from engine.audio.wav import read_audio, write_loop
from engine.events import Sound, Stems, Take
from engine.metrics import melody as melody_metric
from engine.models import catalogue
from engine.models.protocol import Model, Scene
from engine.pocket import words
from engine.pocket.bands import FRAMES_PER_LATENT, latent_frames, log_bands
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.controls import ControlInputs
from engine.pocket.layered import LayeredPocket, load_layered
from engine.pocket.model import WEIGHTS, Pocket, load_pocket
from engine.request import Budget, LoopRequest, Notes, Words
from engine.settings import Settings
from midi.melody import melody as one_voice
from midi.melody import pitch_class_target

UNHURRIED = Budget(seconds=3600.0)  # a search ends by its target or its steps here, not by the clock of this machine
TUNE_SHOWN = "shown+ditto2"
METHODS = ("none", "guidance", "ditto-paper", "ditto", "ditto2", TUNE_SHOWN)
INPUTS = {"": ControlInputs.OFF, "shown": ControlInputs.TUNE, "told": ControlInputs.ALL}
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
ALWAYS = ("seam_ratio", "embedding_distance", "noise_std", "noise_flatness", "steps", "seconds")


def run(model: Model, request: LoopRequest, settings: Settings) -> Row:
    """Make one loop, write it, read it back and score it."""
    started = time.perf_counter()
    events = list(pipeline.make_loop(request, model, settings))
    take = next(event for event in events if isinstance(event, Take))
    stems = next((event.sounds for event in events if isinstance(event, Stems)), {})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "loop.wav"
        audio = _read_back(file, take.sound, request)
        seconds = time.perf_counter() - started
        parts = [_read_back(file, sound, request) for sound in stems.values()]
    loop = Finished(audio=audio, gain_db=0.0, stems=np.stack(parts) if parts else None)
    scene, rate = model.scene(request), request.sample_rate
    heard = partial(loop.heard, scene=scene)
    scores: Row = dict(metrics.score(audio, rate, request, controls.metrics(), heard=heard))
    scores |= {"seconds": seconds, "gain_db": take.record.get("gain_db")}
    scores |= {"embedding_distance": take.scores.get("embedding_distance")}
    counts = ("steps", "verifications")
    facts = {name: value for name, value in take.record.items() if name in counts or name.startswith("noise_")}
    return scores | facts | _judged(loop, scene, request, scores, model)


def _read_back(file: Path, sound: Sound, request: LoopRequest) -> NDArray[np.float32]:
    """Write a sound as a loop's file in place of `file`; return what it holds [channels, samples]."""
    audio = np.frombuffer(sound.samples, "<f4").reshape(-1, sound.channels).T
    file.unlink(missing_ok=True)
    write_loop(file, audio, request.sample_rate, tempo_bpm=request.tempo_bpm, beats=request.beats, meter=request.meter)
    written, rate = read_audio(file)
    assert written.shape[1] == request.samples
    assert rate == request.sample_rate
    return written


def _judged(loop: Finished, scene: Scene, request: LoopRequest, scores: Row, model: Model) -> Row:
    """What independent ears say: a bar met or not, notes heard, a form found, a text recognised."""
    found: Row = {}
    rate = request.sample_rate
    mse, rho = scores["intensity_mse"], scores["intensity_rho"]
    if mse is not None and rho is not None:
        found["intensity_bar"] = float(mse <= 0.6 and rho >= 0.985)
    for control in request.controls:
        heard = loop.heard(control, scene)
        if isinstance(control.target, Notes):
            found["melody_judge"] = _heard_notes(heard, rate, request, control.target)
        if control.kind == "structure" and isinstance(control.target, Words):
            form = canonical(control.target.text)
            told = found_form(heard.mean(0), rate, len(form), len(set(form)), circular=True)
            found["structure_form"] = float(canonical(told) == form)
    if isinstance(model, Pocket | LayeredPocket) and model.towers is not None:
        found["text_judge"] = _judged_text(loop.audio, request, model)
    return found


@torch.no_grad()
def judge_vector(audio: NDArray[np.float32], model: Pocket | LayeredPocket) -> torch.Tensor:
    """Return the unit vector of a loop [2, samples] at 44.1 kHz in the tower that is never optimised."""
    assert model.towers is not None
    bands = log_bands(torch.tensor(audio), FRAMES_PER_LATENT * latent_frames(audio.shape[1]))
    return model.towers.judge.embed_bands(bands[None].to(model.device))[0]


def _judged_text(audio: NDArray[np.float32], request: LoopRequest, model: Pocket | LayeredPocket) -> float:
    """Return how well a loop at 44.1 kHz fits its prompt, -1 to 1, in the judge's tower."""
    assert model.towers is not None
    said = torch.zeros(1, WORD_SLOTS, device=model.device)
    said[0, list(words.parse(request.prompt).ids)] = 1
    return float(judge_vector(audio, model) @ model.towers.judge.embed_words(said)[0])


def _heard_notes(audio: NDArray[np.float32], rate: int, request: LoopRequest, notes: Notes) -> float | None:
    frames = melody_metric.frame_count(audio.shape[1], rate)
    classes, sounding = pitch_class_target(one_voice(notes.notes), request.beats, frames)
    heard = judge.chroma(audio.mean(0), rate, frames)
    return None if heard is None else float((heard.argmax(1) == classes)[sounding].mean())


def weights_of(model: str) -> str:
    """Return the name of a model's weights; those of other people's models are their own."""
    return weights_name("pocket", WEIGHTS) if model.startswith("pocket") else model


def by_method(rows: Rows, task: str, methods: Iterable[str]) -> dict[str, list[Row]]:
    """Return the rows of each method, each beside the same seed's row without a search."""
    none = rows.below(f"{task}/none")
    return {
        method: [_beside(row, none.get(seed)) for seed, row in rows.below(f"{task}/{method}").items()]
        for method in methods
    }


def _beside(row: Row, none: Row | None) -> Row:
    """Add whether a text is judged above that of its seed without a search, and a structure's share of that error."""
    if none and row.get("text_judge") is not None and none.get("text_judge") is not None:
        row["text_judge_above_none"] = float(row["text_judge"] > none["text_judge"])
    if none and none.get("structure_mse"):
        row["structure_mse_of_none"] = row["structure_mse"] / none["structure_mse"]
    return row


def task_table(task: str, rows: dict[str, list[Row]]) -> str:
    """Return one task's table in Markdown, a column for each method."""
    methods = [method for method in rows if rows[method]]
    lines = [f"\n### {task}", "| | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for name in (*SHOWN[task], *ALWAYS):
        found = [mean_interval([row.get(name) for row in rows[method]]) for method in methods]
        cells = ["" if one is None else f"{one[0]:.3g} ({one[1]:.3g}-{one[2]:.3g})" for one in found]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line; make, score and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--model", default="pocket")
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--only", default=",".join(tasks.TASKS))
    options.add_argument("--methods", default=",".join(METHODS))
    options.add_argument("--quality", default="normal")
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    options.add_argument("--layers", action="store_true", help="in four layers, not as one full mix")
    add_rows(options, "control", seeds=24)
    chosen = options.parse_args()
    if chosen.layers:
        chosen.rows_name = "control-layers"
    mix = chosen.model == "pocket" and not chosen.layers
    rows = open_rows(chosen, full_mix_weights() if mix else weights_of(chosen.model))
    models = _Models(chosen.model, Settings(dtype=chosen.dtype), layers=chosen.layers)
    methods = chosen.methods.split(",")
    for task in chosen.only.split(","):
        for method in methods:
            if method == TUNE_SHOWN and not tasks.has_tune(task):
                continue
            for seed in range(chosen.first_seed, chosen.first_seed + chosen.seeds):
                rows.get(f"{task}/{method}/{seed}", partial(models.measured, task, method, seed, chosen.quality))
        print(task_table(task, by_method(rows, task, methods)), flush=True)


def read_method(method: str) -> tuple[ControlInputs, str]:
    """Return the control inputs and the search that a method of `--methods` has."""
    shown, _, own = method.rpartition("+")
    return (ControlInputs.ALL, "none") if method == "told" else (INPUTS[shown], own)


def load_with(inputs: ControlInputs, settings: Settings, *, layers: bool) -> LayeredPocket | Pocket:
    """Return `pocket` with these control inputs, in layers or as one full mix."""
    return load_layered(settings, inputs=inputs) if layers else load_pocket(settings, inputs=inputs)


class _Models:
    """The model with one or another of its control inputs in use, each loaded when it is first asked for."""

    def __init__(self, name: str, settings: Settings, *, layers: bool) -> None:
        self._name, self._settings, self._layers = name, settings, layers
        self._loaded = dict[ControlInputs, Model]()

    def measured(self, task: str, method: str, seed: int, quality: str) -> Row:
        """Make one loop of a task and score it."""
        inputs, own = read_method(method)
        asked = msgspec.structs.replace(tasks.request(task, seed), method=own, quality=quality, budget=UNHURRIED)
        asked = msgspec.structs.replace(tasks.in_layers(asked), stems=True) if self._layers else asked
        return run(self._with(inputs), asked, self._settings)

    def _with(self, inputs: ControlInputs) -> Model:
        if inputs not in self._loaded:
            if self._name != "pocket":
                self._loaded[inputs] = catalogue.load(self._name, self._settings)
            else:
                self._loaded[inputs] = load_with(inputs, self._settings, layers=self._layers)
        return self._loaded[inputs]
