"""How well the metric that counts hits finds them in loops whose hits are known: `engine/metrics/rhythm.py` alone.

    python -m benchmarks onsets --loops 64 [--assets ASSETS] [--publish]

Held-out loops of the synthesiser in 4/4, drums alone and full mixes, as composed and with everything moved to the
strokes of a groove of two to eight a bar. A hit is where a drum or a note starts; starts within 30 ms are one. Each
column is another share of the strongest rise under which nothing counts; the metric's own is named first.
"""

from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.quality.tasks import GROOVES
from benchmarks.rows import Row, Rows
from engine.metrics import rhythm
from engine.training.synth.assets import Assets
from engine.training.synth.compose import compose
from engine.training.synth.recipe import Recipe
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import SAMPLE_RATE, render
from engine.training.synth.score import Score

FIRST_SEEDS = {
    ("drums", False): 9_000_000,
    ("drums", True): 9_100_000,
    ("full", False): 9_200_000,
    ("full", True): 9_300_000,
}
BAR = "No bar. The share in use, 0.1, is within 0.03 of the best of each column; half or twice of it loses 0.06 in one."
SHARES = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
MOVED_TEMPO_BPM = 120.0
TOGETHER_SECONDS = 0.030

Heard = tuple[NDArray[np.float64], NDArray[np.float64]]
"""A loop [samples] and the times of its hits in seconds."""


def moved(score: Score, strokes: tuple[int, ...]) -> Score:
    """Return `score` with each drum and note on the nearest of `strokes`, in sixteenths of a bar of four beats."""
    places = np.array([4 * bar + stroke / 4 for bar in range(int(np.ceil(score.beats / 4))) for stroke in strokes])
    places = places[places < score.beats]

    def nearest(beat: float) -> float:
        away = (places - beat + score.beats / 2) % score.beats - score.beats / 2
        return float(places[np.abs(away).argmin()])

    hits = {(nearest(hit.beat), hit.piece): hit for hit in sorted(score.hits, key=lambda hit: hit.velocity)}
    parts = [{(nearest(note.beat), note.pitch): note for note in notes} for notes in score.parts]
    return msgspec.structs.replace(
        score,
        hits=tuple(msgspec.structs.replace(hit, beat=beat) for (beat, _), hit in sorted(hits.items())),
        parts=tuple(
            tuple(msgspec.structs.replace(note, beat=beat) for (beat, _), note in sorted(notes.items()))
            for notes in parts
        ),
    )


def loops(layout: str, sparse: bool, size: int, assets: Assets | None) -> Iterator[Heard]:
    """Yield loops of one kind with their hits."""
    drawn = (sample_recipe(seed, "heldout", layout=layout) for seed in count(FIRST_SEEDS[layout, sparse]))
    straight = (recipe for recipe in drawn if recipe.numerator == recipe.denominator == 4 and recipe.bars in (1, 2, 4))
    for number, recipe in enumerate(islice(straight, size)):
        strokes = GROOVES[number % len(GROOVES)] if sparse else None
        played = msgspec.structs.replace(recipe, tempo_bpm=MOVED_TEMPO_BPM) if strokes else recipe
        score = moved(compose(played), strokes) if strokes else compose(played)
        yield render(played, assets, score).audio.mean(0).astype(np.float64), starts(played, score)


def starts(recipe: Recipe, score: Score) -> NDArray[np.float64]:
    """Return when drums and notes start, in seconds; textures have no start."""
    beats = [hit.beat for hit in score.hits] + [note.beat for notes in score.parts for note in notes]
    found: list[float] = []
    for seconds in sorted(60 / recipe.tempo_bpm * beat for beat in beats):
        if not found or seconds - found[-1] > TOGETHER_SECONDS:
            found.append(seconds)
    return np.array(found)


def f1(heard: list[Heard], share: float) -> float:
    """Return the mean F1 at 25 ms where `share` of the strongest rise is enough."""
    own, scores = rhythm.LOUD_ENOUGH, []
    rhythm.LOUD_ENOUGH = share
    for signal, wanted in heard:
        found = rhythm.onset_times(signal, SAMPLE_RATE, circular=True)
        scores.append(rhythm.f1(found, wanted, rhythm.TIGHT_SECONDS, len(signal) / SAMPLE_RATE))
    rhythm.LOUD_ENOUGH = own
    return float(np.mean(scores))


def kind_name(layout: str, sparse: bool) -> str:
    """Return the name of one kind of loops."""
    return f"{layout}, moved to a groove" if sparse else layout


def table(rows: Rows) -> Table:
    """Return the mean F1 for each share and kind of loops."""
    kinds = [key for key in rows if key in {kind_name(*kind) for kind in FIRST_SEEDS}]
    body = [[f"{share:g}", *(f"{rows[kind][f'{share:g}']:.3f}" for kind in kinds)] for share in SHARES]
    return Table(head=("share of the strongest rise; F1 at 25 ms", *kinds), body=body, bar=BAR)


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--loops", type=int, default=64)
    options.add_argument("--assets", type=Path)
    add_rows(options, "onsets")
    chosen = options.parse_args()
    assets, rows = Assets(chosen.assets) if chosen.assets else None, open_rows(chosen, f"{chosen.loops} loops")

    def measure(layout: str, sparse: bool) -> Row:
        heard = list(loops(layout, sparse, chosen.loops, assets))
        return {f"{share:g}": f1(heard, share) for share in SHARES}

    for kind in FIRST_SEEDS:
        rows.get(kind_name(*kind), partial(measure, *kind))
    print(table(rows).markdown())
