"""How well `--midi` writes down what is in a loop whose notes are known: hits, melody and chords, by stem and mix.

    python -m benchmarks heard [--loops 40] [--publish]

Held-out recipes of whole mixes under 15 s, as true loops. F1 of hits is within 50 ms, of notes of a melody within 80 ms
with the right pitch; of chords it is the share of the time of major and minor ones that has their root and third. What
a loop does not have counts nowhere. Listeners are those of `engine/metrics/hearing/transcription.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.rows import Rows
from engine.metrics.hearing.transcription import chords_of, hits_of, melody_of
from engine.metrics.rhythm import f1, matched
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.layers import Layer
from engine.training.synth.assets import Assets
from engine.training.synth.compose import compose
from engine.training.synth.layers import LayeredLoop, inverted, render_layers
from engine.training.synth.recipe import Recipe
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.score import Score

LONGEST_SECONDS = 15.0
HIT_SECONDS, NOTE_SECONDS = 0.05, 0.08
PIECES = {
    "kick": {"kick"},
    "snare": {"snare", "clap", "rimshot"},
    "hat": {"hats", "open hat", "cymbal"},
}
"""The pieces of a kit that each group of hits names."""
NAMES = {"kick": "kick", "snare": "snare, clap, rim", "hat": "hat, cymbal", "melody": "melody", "chords": "chords, %"}
WHERE = {"stem": "in its stem", "mix": "in the mix"}
STEMS = {
    "drums": (Layer.DRUMS, Layer.PERCUSSION), "melody": (Layer.LEAD,), "chords": (Layer.CHORDS, Layer.BASS),
}  # fmt: skip
THIRDS = {"major": 4, "minor": 3}
BAR = "No bar. F1, mean. Held-out loops whose notes are known: `python -m benchmarks heard`."

Audio = NDArray[np.float32]


def recipes() -> Iterator[Recipe]:
    """Yield held-out recipes of whole mixes that are short enough, some with basses that are not roots."""
    drawn = (sample_recipe(seed, "heldout", layout="full") for seed in count())
    return (inverted(one) for one in drawn if one.seconds < LONGEST_SECONDS)


def measured(recipe: Recipe, assets: Assets | None) -> dict[str, float | None]:
    """Return how well each part of a loop is heard in its stem and in the mix; None where the loop has none."""
    loop, score = render_layers(recipe, assets), compose(recipe)
    found: dict[str, float | None] = {}
    for where in WHERE:
        sounds = {part: _sound(loop, layers) if where == "stem" else loop.audio for part, layers in STEMS.items()}
        hits = _hits(sounds["drums"], score, recipe)
        rest = {"melody": _melody(sounds["melody"], loop, recipe), "chords": _chords(sounds["chords"], loop, recipe)}
        found |= {f"{name} {where}": value for name, value in (hits | rest).items()}
    return found


def _sound(loop: LayeredLoop, layers: Sequence[Layer]) -> Audio | None:
    """Return the sum of some layers, None where the loop lacks the first of them."""
    if layers[0] not in loop.layers:
        return None
    return np.sum([loop.layers[layer][0] for layer in layers if layer in loop.layers], axis=0, dtype=np.float32)


def _hits(audio: Audio | None, score: Score, recipe: Recipe) -> dict[str, float | None]:
    found: dict[str, float | None] = dict.fromkeys(PIECES)
    if audio is None:
        return found
    heard, beat_seconds = hits_of(audio, SAMPLE_RATE), 60 / recipe.tempo_bpm
    for group, pieces in PIECES.items():
        wanted = np.unique([hit.beat * beat_seconds for hit in score.hits if hit.piece in pieces])
        own = np.array([hit.seconds for hit in heard if hit.group == group])
        if len(wanted):
            found[group] = f1(own, wanted, HIT_SECONDS, recipe.seconds)
    return found


def _melody(audio: Audio | None, loop: LayeredLoop, recipe: Recipe) -> float | None:
    """Return the F1 of the notes of the lead's first voice, pitch by pitch."""
    wanted = loop.labels.melody
    if audio is None or not wanted:
        return None
    heard, beat_seconds = melody_of(audio, SAMPLE_RATE), 60 / recipe.tempo_bpm
    right = 0
    for pitch in {note.pitch for note in wanted}:
        places = np.array([note.beat * beat_seconds for note in wanted if note.pitch == pitch])
        own = np.array([note.start_seconds for note in heard if note.pitch == pitch])
        right += len(matched(own, places, NOTE_SECONDS, recipe.seconds))
    return 2 * right / (len(heard) + len(wanted))


def _chords(audio: Audio | None, loop: LayeredLoop, recipe: Recipe) -> float | None:
    """Return the share of the time of major and minor chords in which their root and third are heard."""
    beat_seconds, right, whole = 60 / recipe.tempo_bpm, 0.0, 0.0
    heard = [] if audio is None else chords_of(audio, SAMPLE_RATE, recipe.bars)
    for chord in loop.chords:
        steps = {(one - chord.root) % 12 for one in chord.pitch_classes}
        quality = next((name for name, third in THIRDS.items() if third in steps and 7 - third not in steps), None)
        if quality is None:
            continue
        start, end = chord.beat * beat_seconds, (chord.beat + chord.beats) * beat_seconds
        whole += end - start
        for one in heard:
            if (one.root, one.quality) == (chord.root, quality):
                right += max(0.0, min(end, one.end_seconds) - max(start, one.start_seconds))
    return right / whole if whole and audio is not None else None


def table(rows: Rows) -> Table:
    """Return the mean of each part, in its stem and in the mix."""
    body = [[label, *(_mean(rows, f"{name} {where}", name) for where in WHERE)] for name, label in NAMES.items()]
    return Table(head=("", *WHERE.values()), body=body, bar=BAR)


def _mean(rows: Mapping[str, Mapping[str, float]] | Rows, figure: str, name: str) -> str:
    values = [rows[key][figure] for key in rows if figure in rows[key]]
    if not values:
        return ""
    mean = float(np.mean(values))
    return f"{100 * mean:.0f} %" if name == "chords" else f"{mean:.2f}"


def main() -> None:
    """Read the command line; render and hear what is missing."""
    options = parser(__doc__)
    options.add_argument("--loops", type=int, default=40)
    options.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared",
                         help="the asset pack, where present")  # fmt: skip
    add_rows(options, "heard")
    chosen = options.parse_args()
    pack, rows = chosen.shared / "assets", open_rows(chosen)
    assets = Assets(pack) if pack.is_dir() else None
    for recipe in islice(recipes(), chosen.loops):
        rows.get(str(recipe.seed), partial(measured, recipe, assets))
    print(table(rows).markdown())


if __name__ == "__main__":
    main()
