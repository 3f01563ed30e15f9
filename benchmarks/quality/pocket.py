"""How good `pocket` is: in layers, as a full mix of 1 to 32 steps, and through the codec alone.

    python -m benchmarks pocket [--quick] [--loops 500] [--weights FOLDER] [--pictures FOLDER] [--publish]

Prints the table, keeps its rows, and draws `pocket.png`. Loops are heard one by one and kept below `--work`, so
that a run that was stopped goes on; a change of weights, synthesiser or measures starts what depends on it anew. The
distance to held-out music needs the weights in the musicnn wheel: `pip install --no-deps musicnn`, or its unpacked
folder. 32 steps are the teacher, the flow itself with guidance; shorter chains are the student.
"""

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.quality.evaluation import machine
from benchmarks.quality.evaluation.figures import Figure, at_least, at_most, from_rows
from benchmarks.quality.evaluation.hearing import Ear
from benchmarks.quality.evaluation.musicnn import find_musicnn
from benchmarks.quality.evaluation.pictures import picture
from benchmarks.quality.evaluation.study import DELIVERED, Chain, Sizes, Study
from benchmarks.rows import WORK, Rows, weights_name
from engine.pocket import arrangement, first_step
from engine.pocket.layered import load_layered
from engine.pocket.model import WEIGHTS
from engine.pocket.network import LAYER_INPUTS
from engine.settings import Settings
from engine.training.synth.assets import Assets

OF_LAYERS = (arrangement.FILE, LAYER_INPUTS)
"""Files of the weights on which a full mix and its first step do not depend."""

NOT_OF_THE_MIX = (*OF_LAYERS, first_step.FILE)
"""Files of the weights on which the full mix does not depend."""

QUICK = Sizes(
    loops=16,
    side_loops=8,
    training=32,
    per_genre=3,
    asked_per_genre=1,
    seeds=3,
    chains=(DELIVERED, Chain(1), Chain(4), Chain(32)),
)
OF_REAL_LOOPS = ("on the grid", "seam", "clicks", "DC", "log-mel")
LOOPS, MACHINE, REAL = "loops", "machine", "real loops"
VALUE = "value"
BAR = "Bars: the project's own, set before anything was measured; bold misses its bar."


def full_mix_weights() -> str:
    """Return the name of the weights that the full mix sounds by and is judged by: changes of layers leave it."""
    return weights_name("pocket", WEIGHTS, without=NOT_OF_THE_MIX)


def main() -> None:
    """Read the command line; hear what is missing and keep the figures."""
    given = arguments()
    warnings.filterwarnings("ignore", message=".*kept in float32.*")
    rows = open_rows(given, weights_name("pocket", given.weights))
    study = prepared(given)
    columns = study.main_columns()
    put(rows, LOOPS, study.figures(columns))
    put(rows, MACHINE, machine_figures(study, given.quick))
    real = given.shared / "fixtures" / "loops-libre"
    if real.is_dir():
        put(rows, REAL, real_figures(study, real))
    picture(study.pocket, 4, given.pictures / "pocket.png")
    for name, make in (("Loops", table), ("Machine, circle and codec", machine_table), ("Real loops", real_table)):
        print(f"\n### {name}\n\n{make(rows).markdown()}")


def put(rows: Rows, group: str, figures: Sequence[Figure]) -> None:
    """Keep figures as rows of a group; in `missed` are the columns that miss their bar."""
    for figure in figures:
        rows.put(f"{group}/{figure.name}", {
            "bar": figure.bar, "note": figure.note, "digits": figure.digits,
            "values": {column: float(f"{value:.6g}") for column, value in figure.values.items() if np.isfinite(value)},
            "missed": [column for column in figure.values if figure.met(column) is False],
        })  # fmt: skip


def table(rows: Rows) -> Table:
    """Return the figures of loops: true ones, the codec, and chains of 1 to 32 steps."""
    return table_of(rows, LOOPS)


def machine_table(rows: Rows) -> Table:
    """Return sizes, times, and sounds with a known answer."""
    return table_of(rows, MACHINE)


def real_table(rows: Rows) -> Table:
    """Return other people's loops before and after the codec."""
    return table_of(rows, REAL)


def table_of(rows: Rows, group: str) -> Table:
    """Return the table of a group of figures."""
    found = rows.below(group)
    columns = list(dict.fromkeys(column for row in found.values() for column in row["values"]))
    body = []
    for name, row in found.items():
        texts = {column: f"{value:.{row['digits']}f}" for column, value in row["values"].items()}
        texts |= {column: f"**{texts[column]}**" for column in row["missed"] if column in texts}
        body.append([name, row["bar"], *(texts.get(column, "") for column in columns)])
    return Table(head=("figure", "bar", *columns), body=body, bar=BAR)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    options = parser(__doc__)
    options.add_argument("--weights", type=Path, default=WEIGHTS)
    options.add_argument("--pictures", type=Path, default=WORK / "pocket")
    options.add_argument("--work", type=Path, default=WORK / "pocket", help="where heard loops are kept")
    options.add_argument("--loops", type=int, default=Sizes().loops)
    options.add_argument("--side-loops", type=int, default=Sizes().side_loops,
                         help="for the codec and chains other than 4")  # fmt: skip
    options.add_argument("--training", type=int, default=Sizes().training, help="training loops to be compared with")
    options.add_argument("--per-genre", type=int, default=Sizes().per_genre, help="loops for the genre listener")
    options.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 32], help="of full mixes")
    options.add_argument("--quick", action="store_true", help="a few minutes: does it run at all?")
    options.add_argument("--musicnn", type=Path, help="the unpacked wheel, if it is not installed")
    options.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared",
                         help="real loops and the asset pack, where present")  # fmt: skip
    add_rows(options, "pocket")
    return options.parse_args()


def prepared(given: argparse.Namespace) -> Study:
    """Load the model and whoever listens."""
    layered = load_layered(Settings(), given.weights)
    musicnn = find_musicnn(given.musicnn)
    if musicnn is None:
        print("musicnn is not installed: no distances (pip install --no-deps musicnn)")
    given.pictures.mkdir(parents=True, exist_ok=True)
    assets = given.shared / "assets"
    chains = tuple(one for one in Sizes().chains if one.in_layers or one.steps in given.steps)
    sizes = QUICK if given.quick else Sizes(
        loops=given.loops, side_loops=given.side_loops, chains=chains, training=given.training,
        per_genre=given.per_genre, main_chains=tuple(one for one in Sizes().main_chains if one in chains),
    )  # fmt: skip
    return Study(
        layered=layered, weights=given.weights, ear=Ear(musicnn, layered.pocket.towers), work=given.work, sizes=sizes,
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
        ("all weights, MiB", "at most 32", at_most(32), machine.weights_mib(study.weights)),
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
    return [Figure(name=name, bar=bar, good=good, values={VALUE: value}, digits=5 if "error" in name else 2)
            for name, bar, good, value in lines]  # fmt: skip


def real_figures(study: Study, folder: Path) -> list[Figure]:
    """Return what can be told of loops without labels, before and after the codec."""
    figures = from_rows(study.real_columns(folder))
    return [figure for figure in figures if figure.name.startswith(OF_REAL_LOOPS) and "odd" not in figure.name]
