"""How good `pocket` is: every figure that its issue asks for, for 1, 2, 4, 8 and 32 steps and the codec alone.

    python -m benchmarks pocket [--quick] [--loops 500] [--weights FOLDER] [--out FOLDER] [--shared FOLDER]

Prints and saves `pocket.md`, `pocket.json` and `pocket.png`. Loops are heard one by one and kept below `--work`, so
that a run that was stopped goes on; a change of weights, synthesiser or measures starts what depends on it anew. The
distance to held-out music needs the weights in the musicnn wheel: `pip install --no-deps musicnn`, or its unpacked
folder. 32 steps are the teacher, the flow itself with guidance; shorter chains are the student.
"""

import argparse
import time
import warnings
from pathlib import Path

from benchmarks.quality.evaluation import machine
from benchmarks.quality.evaluation.figures import Figure, at_least, at_most, from_rows
from benchmarks.quality.evaluation.hearing import Ear
from benchmarks.quality.evaluation.musicnn import find_musicnn
from benchmarks.quality.evaluation.report import picture, save
from benchmarks.quality.evaluation.study import CODEC, HELD_OUT, Sizes, Study
from engine.pocket.model import WEIGHTS, load_pocket
from engine.settings import Settings
from engine.training.synth.assets import Assets

QUICK = Sizes(loops=16, side_loops=8, training=32, per_genre=3, asked_per_genre=1, seeds=3, steps=(1, 4, 32))
REAL = ("on the grid", "seam", "clicks", "DC", "log-mel")
MACHINE = "value"


def main() -> None:
    given = arguments()
    warnings.filterwarnings("ignore", message=".*kept in float32.*")
    study = prepared(given)
    began = time.monotonic()
    own = machine_figures(study, given.quick)
    columns = study.main_columns()
    groups = {
        "Loops": (study.figures(columns), list(columns)),
        "Machine, circle and codec": (own, [MACHINE]),
    }
    real = given.shared / "fixtures" / "loops-libre"
    if real.is_dir():
        groups["Real loops of other people (out of distribution)"] = real_figures(study, real)
    picture(study.pocket, 4, given.out / "pocket.png")
    about = {
        "loops": study.sizes.loops, "side_loops": study.sizes.side_loops,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "assets": study.assets is not None, "musicnn": study.ear.musicnn is not None,
        "towers": study.ear.towers is not None, "dtype": str(study.pocket.dtype),
    }  # fmt: skip
    print(save(given.out, groups, about))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--out", type=Path, default=Path("build/pocket"))
    parser.add_argument("--work", type=Path, default=Path("build/pocket/rows"), help="where heard loops are kept")
    parser.add_argument("--loops", type=int, default=Sizes().loops)
    parser.add_argument(
        "--side-loops", type=int, default=Sizes().side_loops, help="for the codec and chains other than 4"
    )
    parser.add_argument("--training", type=int, default=Sizes().training, help="training loops to be compared with")
    parser.add_argument("--per-genre", type=int, default=Sizes().per_genre, help="loops for the genre listener")
    parser.add_argument("--steps", type=int, nargs="+", default=list(Sizes().steps))
    parser.add_argument("--quick", action="store_true", help="a few minutes: does it run at all?")
    parser.add_argument("--musicnn", type=Path, help="the unpacked wheel, if it is not installed")
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared",
                        help="real loops and the asset pack, where present")  # fmt: skip
    return parser.parse_args()


def prepared(given: argparse.Namespace) -> Study:
    """Load the model and whoever listens."""
    pocket = load_pocket(Settings(), given.weights)
    musicnn = find_musicnn(given.musicnn)
    if musicnn is None:
        print("musicnn is not installed: no distances (pip install --no-deps musicnn)")
    given.out.mkdir(parents=True, exist_ok=True)
    assets = given.shared / "assets"
    steps = tuple(given.steps)
    sizes = QUICK if given.quick else Sizes(
        loops=given.loops, side_loops=given.side_loops, steps=steps, training=given.training, per_genre=given.per_genre,
        main_steps=tuple(step for step in Sizes().main_steps if step in steps),
    )  # fmt: skip
    return Study(
        pocket=pocket, weights=given.weights, ear=Ear(musicnn, pocket.towers), work=given.work, sizes=sizes,
        assets=Assets(assets) if assets.is_dir() else None,
    )  # fmt: skip


def machine_figures(study: Study, quick: bool) -> list[Figure]:
    """Return the figures that need no set of loops."""
    loading = machine.load_seconds(study.weights)
    speed = machine.text_to_audio_seconds(study.pocket, 4)
    code = machine.through_codec(study.pocket)
    chord = machine.chord_purity_db(code)
    attack = machine.attack_growth_seconds(study.assets, 4 if quick else 24, code)
    lines = (
        ("all weights, MiB", "at most 24", at_most(24), machine.weights_mib(study.weights)),
        ("loading, s", "at most 1.5", at_most(1.5), loading["load"]),
        ("imports before loading, s", "", None, loading["imports"]),
        ("text to 8 s of audio with 4 steps, s", "at most 1", at_most(1.0), speed["all"]),
        ("of this the chain, s", "", None, speed["chain"]),
        ("of this the waveform, s", "", None, speed["waveform"]),
        (
            "error of a turned loop, of full scale",
            "at most 0.001",
            at_most(1e-3),
            machine.circle_error(study.pocket, 4),
        ),
        ("sustained chord after the codec, dB", "at least 15", at_least(15), chord["codec"]),
        ("sustained chord after bands and phases alone, dB", "", None, chord["bands"]),
        ("sustained chord before it, dB", "", None, chord["original"]),
        ("attack longer after the codec, worst 5 %, ms", "at most 5", at_most(5), 1000 * attack["worst_5_percent"]),
        ("attack longer after the codec, median, ms", "at most 5", at_most(5), 1000 * attack["median"]),
    )
    return [Figure(name=name, bar=bar, good=good, values={MACHINE: value}, digits=5 if "error" in name else 2)
            for name, bar, good, value in lines]  # fmt: skip


def real_figures(study: Study, folder: Path) -> tuple[list[Figure], list[str]]:
    """Return what can be told of loops without labels, before and after the codec."""
    columns = study.real_columns(folder)
    chosen = [figure for figure in from_rows(columns) if figure.name.startswith(REAL) and "odd" not in figure.name]
    return chosen, [HELD_OUT, CODEC]
