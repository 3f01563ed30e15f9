"""Is the sound still the same, bit by bit? Short requests of every kind, their samples as digests and their losses.

    OMP_NUM_THREADS=1 python -m benchmarks equality --out before.json        (on the state of before)
    OMP_NUM_THREADS=1 python -m benchmarks equality --compare before.json    (on the state of after)

For changes that must not be heard: moved code, new names, parts taken apart. Every request counts its steps, so no
clock decides anything; digests are of the delivered samples and of the stored noise, losses those of the take's
record. Equal bits can be asked for on one machine with one number of threads only. The requests are each control, each
method, a resumed search, a redraw, a variation, several controls and takes at once, four seeds each of `none`,
`guidance` and `ditto2` on `pocket`, layers in every way, and tiny random models of real diffusers classes, built by the
tests.
"""

import argparse
import hashlib
import importlib
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch

import engine
from engine import controls, pipeline
from engine.events import Checkpoint, Take
from engine.models import catalogue
from engine.request import Audio, Budget, Control, Curve, LoopRequest, Method, Notes, Onsets, Point, Start, Words
from engine.settings import Settings
from midi.grooves.rhythm import Onset
from midi.notes import Note

TINY_MODELS = Path(__file__).parents[1] / "tests" / "engine" / "models" / "conftest.py"
SETTINGS = Settings(device="cpu", dtype="float32")
BARS = 1
SEEDS = range(4)

Row = dict[str, Any]


def request(*parts: Control, steps: int = 6, **fields: Any) -> LoopRequest:
    """Return a bar of house at 120 BPM, whose search takes all of `steps`."""
    usual: dict[str, Any] = {"prompt": "house drums and bass", "bars": BARS, "seed": 11, "controls": parts}
    return LoopRequest(**(usual | {"budget": Budget(steps=steps, until_tolerance=False)} | fields))


def curve(*pairs: tuple[float, float], **fields: Any) -> Curve:
    """Return a curve through (beat, value)."""
    return Curve(points=tuple(Point(Fraction(beat), value) for beat, value in pairs), **fields)


INTENSITY = Control(kind="intensity", target=curve((0, -34.0), (2, -16.0), (4, -28.0)))
MELODY = Control(
    kind="melody",
    target=Notes(notes=tuple(Note(pitch, Fraction(i), Fraction(1)) for i, pitch in enumerate((72, 76, 79, 74)))),
)


def every_control(heard: Audio) -> dict[str, Control]:
    """Return one control of each kind; `heard` is the reference of those that want one."""
    levels, notes = INTENSITY.target, MELODY.target
    kept = Audio(samples=heard.samples, sample_rate=heard.sample_rate, keep=((Fraction(0), Fraction(2)),))
    half = Audio(samples=heard.samples[: len(heard.samples) // 2], sample_rate=heard.sample_rate)
    onsets = Onsets(onsets=tuple(Onset(Fraction(beat), 1.0) for beat in (0, 1, 2, 3)))
    target_of: dict[str, Any] = {
        "brightness": curve((0, 500.0), (2, 2500.0), (4, 700.0), unit="hz"),
        "harmony": Words(text="Am F"),
        "inpaint": kept,
        "outpaint": half,
        "intensity": levels,
        "intensity-paper": levels,
        "intensity-corr": levels,
        "loop": Words(text=""),
        "melody": notes,
        "melody-paper": notes,
        "melody-octave": notes,
        "rhythm": onsets,
        "structure": Words(text="ABAB"),
        "text": Words(text="dark techno"),
        "timbre": heard,
    }
    missing = controls.rows().keys() - target_of.keys()
    assert not missing, f"no request for {missing}"
    return {kind: Control(kind=kind, target=target) for kind, target in target_of.items()}


def takes_of(asked: LoopRequest, model: Any, **named: Any) -> list[Take]:
    """Return the takes of a request, in the order in which they come."""
    return [item for item in pipeline.make_loop(asked, model, SETTINGS, **named) if isinstance(item, Take)]


def resumed(asked: LoopRequest, model: Any, after: int) -> list[Take]:
    """Return the takes of a search that was stopped after `after` steps, stored and gone on with."""
    with mock.patch.multiple(pipeline, SAVE_EVERY_SECONDS=0.0, PREVIEW_EVERY_SECONDS=float("inf")):
        made = pipeline.make_loop(asked, model, SETTINGS, live=True)
        states = [item.state for item in made if isinstance(item, Checkpoint)]
    return takes_of(asked, model, resume=states[after])


def row(takes: list[Take]) -> Row:
    """Return what has to stay equal of a request's takes."""
    return {
        "samples": [hashlib.sha256(take.sound.samples).hexdigest() for take in takes],
        "noise": [hashlib.sha256(_noise(take)).hexdigest() for take in takes],
        "order": [take.take for take in takes],
        "losses": [take.record["loss_curves"] for take in takes],
    }


def _noise(take: Take) -> bytes:
    from safetensors.torch import load

    return load(take.noise)["noise"].numpy().tobytes()


Cases = Iterator[tuple[str, Callable[[], list[Take]]]]


def pocket_cases() -> Cases:
    """Yield what `pocket` is asked for: methods and seeds, controls, starts, several at once."""
    model = catalogue.load("pocket", SETTINGS)
    made = partial(takes_of, model=model)
    for method in (Method.NONE, Method.GUIDANCE, Method.DITTO2):
        for seed in SEEDS:
            yield f"{method}/seed {seed}", partial(made, request(INTENSITY, method=method, seed=seed))
    yield "ditto", partial(made, request(INTENSITY, method=Method.DITTO, steps=4))
    yield "ditto-paper", partial(made, request(INTENSITY, MELODY, method=Method.DITTO_PAPER, steps=1))
    yield "ditto2/to the tolerance", partial(made, request(INTENSITY, budget=Budget(steps=20)))
    (heard,) = made(request(method=Method.NONE, seed=5))
    reference = Audio(samples=heard.sound.samples, sample_rate=heard.sound.sample_rate)
    parts = every_control(reference)
    for kind, part in parts.items():
        yield f"control/{kind}", partial(made, request(part))
    yield "several controls", partial(made, request(INTENSITY, MELODY, parts["brightness"]))
    yield "two takes", partial(made, request(MELODY, count=2, steps=6))
    yield "no loop", partial(made, request(INTENSITY, loop=False, steps=4))
    yield "resumed", partial(resumed, request(INTENSITY, MELODY, steps=10), model, after=4)
    (take,) = made(request(INTENSITY, steps=12))
    for name, variation in (("redraw", 0.0), ("variation", 0.4), ("wide variation", 0.9)):
        start = Start(noise=take.noise, variation=variation)
        yield name, partial(made, request(INTENSITY, start=start, seed=3, steps=6))


def layer_cases() -> Cases:
    """Yield what `pocket` makes in layers: a full mix, chords, a muted layer, one made again, one beside a sound."""
    made = partial(takes_of, model=catalogue.load("pocket", SETTINGS))
    trio = ("drums", "bass", "lead")
    asked = partial(request, INTENSITY, layers=trio)
    yield "layers/mix", partial(made, request(INTENSITY, layers=("mix",)))
    yield "layers/chords", partial(made, asked(chords="Am F"))
    yield "layers/mute", partial(made, asked(mute=("lead",)))
    yield (
        "layers/on one",
        partial(made, request(Control(kind="intensity", target=INTENSITY.target, on=("bass",)), layers=trio)),
    )
    (take,) = made(asked(method=Method.NONE))
    yield "layers/again", partial(made, asked(start=Start(noise=take.noise), again=("bass",), seed=3))
    recording = Audio(samples=take.sound.samples, sample_rate=take.sound.sample_rate)
    yield "layers/beside", partial(made, request(INTENSITY, layers=("bass",), beside=recording))


def toy_cases() -> Cases:
    """Yield what the toys of the package are asked for: quick, and every part of a search has its turn."""
    tiny = _moved("models.testing")
    models = {"toy": tiny.TinyModel(), "toy of ends": tiny.TinyModel(circular=False)}
    for name, model in models.items():
        made = partial(takes_of, model=model)
        for method in (Method.NONE, Method.GUIDANCE, Method.DITTO2, Method.DITTO, Method.DITTO_PAPER):
            yield f"{name}/{method}", partial(made, request(INTENSITY, method=method, steps=6))
        yield f"{name}/count", partial(made, request(MELODY, count=2, steps=13, method=Method.DITTO2))
        yield f"{name}/resumed", partial(resumed, request(INTENSITY, MELODY, steps=10), model, after=4)
        (take,) = made(request(INTENSITY, steps=12))
        again = request(INTENSITY, start=Start(noise=take.noise), seed=3, steps=6)
        yield f"{name}/redraw", partial(made, again)
    (heard,) = takes_of(request(method=Method.NONE, seed=5), models["toy"])
    for kind, part in every_control(Audio(samples=heard.sound.samples, sample_rate=heard.sound.sample_rate)).items():
        if kind != "text":
            yield f"toy/{kind}", partial(takes_of, request(part, steps=14), models["toy"])


def folder_cases() -> Cases:
    """Yield what tiny models of real classes are asked for; between them they use every sampler."""
    build = _tests_models()
    with tempfile.TemporaryDirectory() as home:
        for name in ("stable-audio", "stable-audio-3", "ace-step-turbo", "audioldm2"):
            model = catalogue.load(str(build.save(name, Path(home) / name)), SETTINGS)
            short: dict[str, Any] = {"prompt": "dusty boom bap", "tempo_bpm": Fraction(240), "bars": 1, "steps": 3}
            levels = Control(kind="intensity", target=curve((0, -30.0), (2, -20.0)))
            for method in (Method.DITTO2, Method.DITTO, Method.GUIDANCE):
                yield f"{name}/{method}", partial(takes_of, request(levels, method=method, **short), model)
            yield f"{name}/resumed", partial(resumed, request(levels, method=Method.DITTO2, **short), model, after=1)


GROUPS: dict[str, Callable[[], Cases]] = {
    "toys": toy_cases,
    "pocket": pocket_cases,
    "layers": layer_cases,
    "folders": folder_cases,
}


def _moved(name: str) -> Any:
    """Return a module of the engine, or the one at its top level that it was before."""
    try:
        return importlib.import_module(f"engine.{name}")
    except ModuleNotFoundError:
        return importlib.import_module(f"engine.{name.rpartition('.')[2]}")


def _tests_models() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_models", TINY_MODELS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    threads = torch.get_num_threads()
    spec.loader.exec_module(module)
    torch.set_num_threads(threads)
    return module


def differences(before: dict[str, Row], after: dict[str, Row]) -> list[str]:
    """Return a line for each request of `after` that was not the same `before`, or was not there."""
    found = []
    for name, row in after.items():
        other = [part for part in row if name not in before or before[name][part] != row[part]]
        found += [f"{name}: {', '.join(other)}"] if other else []
    return found


def main() -> None:
    """Record, and compare where another record is given."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--out", type=Path, default=None)
    options.add_argument("--compare", type=Path, default=None)
    options.add_argument("--only", default=",".join(GROUPS), help="groups of requests, with commas")
    options.add_argument("--named", default="", help="only requests whose name has this in it")
    chosen = options.parse_args()
    print(f"engine: {Path(engine.__file__).parent}, {torch.get_num_threads()} threads")
    before = json.loads(chosen.compare.read_text()) if chosen.compare is not None else {}
    rows: dict[str, Row] = {}
    started = time.perf_counter()
    for group in chosen.only.split(","):
        for name, make in GROUPS[group]():
            if chosen.named not in name:
                continue
            rows[name] = json.loads(json.dumps(row(make())))
            other = differences(before, {name: rows[name]}) if before else []
            print(f"{time.perf_counter() - started:6.1f} s  {name}  {' '.join(other)}", flush=True)
            if chosen.out is not None:
                chosen.out.write_text(json.dumps(rows, indent=1))
    if before:
        other = differences(before, rows)
        print("\n".join(other) or f"All {len(rows)} requests are equal.")
        sys.exit(bool(other))


if __name__ == "__main__":
    main()
