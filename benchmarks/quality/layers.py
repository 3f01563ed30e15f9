"""How crisp `pocket` plays, in layers and as a full mix, beside true loops and the codec; and whether layers fit.

    python -m benchmarks layers [--loops 64] [--weights FOLDER] [--bare 64] [--publish]

Held-out recipes of whole mixes are asked for with all their words and their own layers and chords; bare prompts are
lines of `quality/prompts.txt`, as people type. Rows are kept below `--work` as they come. The figures are those of
`quality/evaluation/crispness.py` and `fit.py`; bars are for at least 100 loops.
"""

import argparse
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import count, islice
from pathlib import Path

import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.quality.evaluation import crispness, fit, machine, material
from benchmarks.quality.evaluation.figures import Figure, at_least, at_most
from benchmarks.quality.evaluation.generation import Stems, generate, played
from benchmarks.quality.evaluation.material import Audio
from benchmarks.quality.pocket import NOT_OF_THE_MIX, put, table_of
from benchmarks.rows import WORK, Arrays, Rows, arrays_of, fingerprint, weights_name
from engine.pocket.arrangement import Arrangement
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.layered import LayeredPocket, load_layered
from engine.pocket.layers import Layer
from engine.pocket.model import WEIGHTS
from engine.request import LoopRequest
from engine.settings import Settings
from engine.training.synth.assets import Assets
from engine.training.synth.compose import compose
from engine.training.synth.layers import LayeredLoop, chords, inverted, layer_labels, render_layers
from engine.training.synth.recipe import Recipe
from engine.training.synth.recipe_sampling import sample_recipe
from midi.chords.text import Chord, ChordSpan
from midi.key import Key

PROMPTS = Path(__file__).with_name("prompts.txt")
LONGEST_SECONDS = 15.0
TRUE, CODEC, CODED_STEMS = "held-out", "codec", "codec of stems"
MIX, LAYERED, BARE_MIX, BARE = "full mix", "layers", "full mix, bare", "layers, bare"
GROUP = "layers"


@dataclass(frozen=True, kw_only=True)
class Layers:
    """One model, the recipes, and where rows are kept."""

    model: LayeredPocket
    weights: Path
    assets: Assets | None
    work: Path
    loops: int
    bare: int

    @cached_property
    def recipes(self) -> list[Recipe]:
        """Return held-out recipes of whole mixes under 15 s, some with basses that are not roots."""
        drawn = (sample_recipe(seed, "heldout", layout="full") for seed in count())
        return [inverted(one) for one in islice((one for one in drawn if one.seconds < LONGEST_SECONDS), self.loops)]

    @cached_property
    def bare_requests(self) -> list[LoopRequest]:
        """Return a request for each of some prompts, spread over the list."""
        lines = PROMPTS.read_text(encoding="utf-8").split("\n")[:-1]
        chosen = [lines[index * len(lines) // self.bare] for index in range(self.bare)]
        return [LoopRequest(prompt=text, tempo_bpm=Fraction(120), seed=seed) for seed, text in enumerate(chosen)]

    def columns(self) -> dict[str, Arrays]:
        """Return the rows of every column, those that are missing measured first."""
        found = {TRUE: self._true(TRUE, self._plain)}
        found[CODEC] = self._true(CODEC, self._coded)
        found[CODED_STEMS] = self._true("codec-stems", self._coded_stems)
        found[MIX] = self._mixes("mix", [_request(recipe) for recipe in self.recipes])
        found[LAYERED] = self._layered("layers", [(_request(one), _arranged(one)) for one in self.recipes])
        if self.bare:
            found[BARE_MIX] = self._mixes("bare-mix", self.bare_requests)
            found[BARE] = self._layered("bare", [(one, self.model.arrange(one)) for one in self.bare_requests])
        return found

    def _true(self, name: str, hear: Callable[[LayeredLoop], tuple[Audio, Stems]]) -> Arrays:
        def measure(indices: Sequence[int]) -> Iterator[tuple[int, Arrays]]:
            for index in indices:
                recipe = self.recipes[index]
                audio, stems = hear(render_layers(recipe, self.assets))
                key = material.key_of(material.labels_of(recipe))
                yield index, measures(audio, stems, harmony_of(_spans(recipe), key, recipe.tempo_bpm))

        return arrays_of(self._folder("latent_map.safetensors", "vocoder.safetensors"), name, self.loops, measure)

    @staticmethod
    def _plain(loop: LayeredLoop) -> tuple[Audio, Stems]:
        return loop.audio, {layer: audio for layer, (audio, _) in loop.layers.items()}

    def _coded(self, loop: LayeredLoop) -> tuple[Audio, Stems]:
        return machine.through_codec(self.model.pocket)(loop.audio), {}

    def _coded_stems(self, loop: LayeredLoop) -> tuple[Audio, Stems]:
        code = machine.through_codec(self.model.pocket)
        stems = {layer: code(audio) for layer, (audio, _) in loop.layers.items()}
        return np.sum(list(stems.values()), axis=0), stems

    def _mixes(self, name: str, requests: Sequence[LoopRequest]) -> Arrays:
        def measure(indices: Sequence[int]) -> Iterator[tuple[int, Arrays]]:
            for index, audio in generate(self.model.pocket, requests, self.model.card.decode_steps, indices):
                yield index, measures(audio, {}, ())

        return arrays_of(self._folder("*.safetensors", without=NOT_OF_THE_MIX), name, len(requests), measure)

    def _layered(self, name: str, asked: Sequence[tuple[LoopRequest, Arrangement]]) -> Arrays:
        def measure(indices: Sequence[int]) -> Iterator[tuple[int, Arrays]]:
            for index in indices:
                request, plan = asked[index]
                audio, stems = played(self.model, request, plan)
                yield index, measures(audio, stems, harmony_of(plan.chords, plan.key, float(request.tempo_bpm)))

        return arrays_of(self._folder("*.safetensors"), name, len(asked), measure)

    def _folder(self, *parts: str, without: Collection[str] = ()) -> Path:
        """Return where rows are kept that depend on these files of the weights."""
        files = sorted(file for part in parts for file in self.weights.rglob(part) if file.name not in without)
        return self.work / fingerprint(files)


def measures(audio: Audio, stems: Stems, harmony: Sequence[fit.Harmony]) -> Arrays:
    """Return all that is measured of a loop; NaN where there is nothing to measure."""
    found = {"lines": crispness.line_contrast_db(audio, SAMPLE_RATE), "count": float(len(stems))}
    drums, bass, lead = (stems.get(layer) for layer in (Layer.DRUMS, Layer.BASS, Layer.LEAD))
    nothing = float("nan")
    found["crest"] = crispness.flux_crest(drums, SAMPLE_RATE) if drums is not None else nothing
    found["kick"] = fit.on_kicks(bass, drums, SAMPLE_RATE) if bass is not None and drums is not None else nothing
    found["bass"] = fit.in_scale(bass, SAMPLE_RATE, harmony, fit.BASS_HZ) if bass is not None and harmony else nothing
    found["lead"] = fit.in_scale(lead, SAMPLE_RATE, harmony, fit.LEAD_HZ) if lead is not None and harmony else nothing
    chordal = stems.get(Layer.CHORDS)
    if chordal is not None and bass is not None:
        chordal = chordal + bass
    found["chords"] = (
        fit.chords_recognised(chordal, SAMPLE_RATE, harmony) if chordal is not None and harmony else nothing
    )
    arrays: Arrays = {name: np.array(value, np.float32) for name, value in found.items()}
    return arrays | {"statistics": crispness.statistics(audio, SAMPLE_RATE).astype(np.float32)}


def harmony_of(spans: Sequence[ChordSpan], key: Key | None, tempo_bpm: float) -> list[fit.Harmony]:
    """Return where in seconds which chord and scale sound; nothing where nothing is tonal."""
    if key is None:
        return []
    scale, beat_seconds = key.pitch_classes, 60 / tempo_bpm
    return [
        fit.Harmony(
            float(one.beat) * beat_seconds,
            float(one.beat + one.beats) * beat_seconds,
            scale | one.chord.pitch_classes,
            one.chord.root,
            one.chord.pitch_classes,
        )
        for one in spans
    ]


def _spans(recipe: Recipe) -> tuple[ChordSpan, ...]:
    return tuple(
        ChordSpan(
            Fraction(one.beat).limit_denominator(48),
            Fraction(one.beats).limit_denominator(48),
            Chord(one.root, frozenset(one.pitch_classes) | {one.bass}, one.bass),
        )
        for one in chords(recipe)
    )


def _request(recipe: Recipe) -> LoopRequest:
    return material.request_for(material.labels_of(recipe), recipe.seed)


def _arranged(recipe: Recipe) -> Arrangement:
    """Return the recipe's own layers, words and chords."""
    labels = layer_labels(recipe, compose(recipe))
    key = material.key_of(material.labels_of(recipe))
    return Arrangement({layer: own.words for layer, own in labels.items()}, key, _spans(recipe))


def figures(columns: Mapping[str, Arrays]) -> list[Figure]:
    """Return the figures of all columns, with their bars."""

    def each(name: str, scale: float = 1.0) -> dict[str, float]:
        return {column: scale * _mean(rows[name]) for column, rows in columns.items()}

    coded = columns[CODEC]["statistics"]
    apart = {
        column: crispness.told_apart(rows["statistics"], coded[: len(rows["statistics"])])
        for column, rows in columns.items()
        if column not in (CODEC, BARE, BARE_MIX)
    }
    true = {name: _mean(columns[TRUE][name]) for name in ("kick", "bass", "lead", "chords")}
    crests = {column: float(np.nanmedian(rows["crest"])) for column, rows in columns.items() if _heard(rows["crest"])}
    names = {"kick": "bass onsets on a kick, %", "bass": "bass in scale, %", "lead": "lead in scale, %",
             "chords": "major and minor chords recognised, %"}  # fmt: skip
    return [
        Figure(name="contrast of lines, dB", bar="at least 15.0", good=at_least(15.0),
               values={name: value for name, value in each("lines").items() if name not in (BARE, BARE_MIX)}),
        Figure(name="contrast of lines of bare prompts, dB", bar="at least 14.5", good=at_least(14.5),
               values={name: value for name, value in each("lines").items() if name in (BARE, BARE_MIX)}),
        Figure(name="flux crest of the drums, median", bar="at least 90 % of the codec's",
               good=at_least(0.9 * crests.get(CODED_STEMS, 0.0)), values=crests),
        Figure(name="told from codec loops, AUC", bar="at most 0.75", good=at_most(0.75), values=apart),
        Figure(name="layers, mean", bar="", digits=1, values={name: n for name, n in each("count").items() if n}),
        *(
            Figure(name=label, bar="95 % of held-out's", good=at_least(95 * true[name]), digits=1,
                   values=each(name, 100))
            for name, label in names.items()
        ),
    ]  # fmt: skip


def _heard(values: np.ndarray) -> bool:
    return bool(np.isfinite(values).any())


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if _heard(values) else float("nan")


def table(rows: Rows) -> Table:
    """Return the figures of layers beside true loops and the codec."""
    return table_of(rows, GROUP)


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    options = parser(__doc__)
    options.add_argument("--weights", type=Path, default=WEIGHTS)
    options.add_argument("--work", type=Path, default=WORK / "layers", help="where heard loops are kept")
    options.add_argument("--loops", type=int, default=64)
    options.add_argument("--bare", type=int, default=64, help="bare prompts; 0 leaves them out")
    options.add_argument("--shared", type=Path, default=Path(__file__).parents[3] / "shared",
                         help="the asset pack, where present")  # fmt: skip
    add_rows(options, "layers")
    return options.parse_args()


def main() -> None:
    """Read the command line; hear what is missing and keep the figures."""
    given = arguments()
    rows = open_rows(given, weights_name("pocket", given.weights))
    assets = given.shared / "assets"
    study = Layers(
        model=load_layered(Settings(), given.weights), weights=given.weights, work=given.work,
        assets=Assets(assets) if assets.is_dir() else None, loops=given.loops, bare=given.bare,
    )  # fmt: skip
    put(rows, GROUP, figures(study.columns()))
    print(f"\n{table(rows).markdown()}")


if __name__ == "__main__":
    main()
