"""Who is heard, and in which order: true loops, the codec, chains of the model, real loops; all kept as they come."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import torch

import engine
from benchmarks.rows import Arrays as Table
from benchmarks.rows import arrays_of, fingerprint
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.layered import LayeredPocket
from engine.pocket.model import Pocket
from engine.pocket.words import WORD_IDS
from engine.request import LoopRequest
from engine.training.synth.assets import Assets
from engine.training.synth.recipe import Recipe

from . import classifiers, machine, material, sound
from .figures import Figure, at_least, distances, from_rows, ranks
from .generation import generate, generate_in_layers
from .hearing import EMBEDDING, MEASURES, PICTURE, Ear, Row
from .material import Audio, Loop
from .statistics import mean_distance

DIVERSE_PROMPTS = ("house", "techno", "drum and bass", "boom bap", "trap", "ambient", "trance", "funk")
HELD_OUT, CODEC = "held-out", "codec"
NOTHING = np.zeros((2, 0), np.float32)  # what is asked for has no sound yet


@dataclass(frozen=True, slots=True)
class Chain:
    """How the model makes a loop: in so many steps, as one full mix or as the sum of its layers."""

    steps: int
    in_layers: bool = False

    def __str__(self) -> str:
        return f"{self.steps} in layers" if self.in_layers else f"{self.steps}"


DELIVERED = Chain(4, in_layers=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many loops each measure has."""

    loops: int = 500  # held-out, the chain that is delivered
    side_loops: int = 128  # the codec, the other chains
    training: int = 2_000
    per_genre: int = 80  # that the genre listener learns
    asked_per_genre: int = 6
    seeds: int = 16  # at a fixed prompt
    chains: tuple[Chain, ...] = (DELIVERED, Chain(4), Chain(1), Chain(2), Chain(8), Chain(32))
    main_chains: tuple[Chain, ...] = (DELIVERED, Chain(4))

    def of(self, chain: Chain | None) -> int:
        """Return how many loops a chain makes, or the codec where it is None."""
        return self.loops if chain in self.main_chains else min(self.side_loops, self.loops)


@dataclass(frozen=True, kw_only=True)
class Study:
    """One model, one ear and the material; tables are kept below `work`."""

    layered: LayeredPocket
    weights: Path
    ear: Ear
    assets: Assets | None
    work: Path
    sizes: Sizes

    @property
    def pocket(self) -> Pocket:
        """Return the model of full mixes."""
        return self.layered.pocket

    @cached_property
    def halves(self) -> tuple[list[Recipe], list[Recipe]]:
        """Held-out recipes to ask for, and as many with other kits to compare with."""
        return material.halves(self.sizes.loops)

    @cached_property
    def asked(self) -> list[Loop]:
        """What is asked for: labels and time without sound."""
        return [_silent(recipe) for recipe in self.halves[0]]

    @cached_property
    def genres(self) -> list[Loop]:
        """Full mixes of every genre at the same tempo, to be asked for."""
        size = self.sizes.asked_per_genre
        return [_silent(recipe) for recipe in self._genre_recipes(material.FIRST_ASKED_GENRE_SEED, size)]

    @staticmethod
    def _genre_recipes(first_seed: int, size: int) -> list[Recipe]:
        return [recipe for genre in material.GENRE_NAMES for recipe in material.same_tempo(genre, first_seed, size)]

    def _ear(self, *parts: str) -> Ear:
        return replace(self.ear, parts=frozenset(parts or (EMBEDDING, PICTURE, MEASURES)), extra=_facts)

    def true_rows(self, name: str, recipes: Sequence[Recipe], *parts: str) -> Table:
        """Return the rows of rendered recipes, all `parts` of them or those that are named."""
        ear = self._ear(*parts)

        def hear(indices: Sequence[int]) -> Iterator[tuple[int, Row]]:
            for index in indices:
                loop = material.rendered(recipes[index], self.assets)
                yield index, ear.hear(loop.audio, loop)

        return arrays_of(self._true_folder, name, len(recipes), hear)

    def coded_rows(self, name: str, loops: Callable[[int], Loop], size: int) -> Table:
        """Return the rows of loops after the codec's round trip, with its error."""
        code = machine.through_codec(self.pocket)

        def hear(indices: Sequence[int]) -> Iterator[tuple[int, Row]]:
            for index in indices:
                loop = loops(index)
                heard = code(loop.audio)
                row = self._ear().hear(heard, loop)
                error = sound.log_mel_error_db(heard, loop.audio, SAMPLE_RATE)
                yield index, row | {"log_mel_error": np.float32(error)}

        return arrays_of(self._model_folder, name, size, hear)

    def made_rows(self, name: str, loops: Sequence[Loop], chain: Chain, size: int, *parts: str) -> Table:
        """Return the rows of what the model makes when it is asked for `loops`."""
        requests = [material.request_for(loop.labels, seed) for seed, loop in enumerate(loops) if loop.labels]
        return self._heard(name, requests, loops, chain, size, *parts)

    def _heard(
        self, name: str, requests: Sequence[LoopRequest], loops: Sequence[Loop], chain: Chain, size: int, *parts: str
    ) -> Table:
        ear = self._ear(*parts)

        def hear(indices: Sequence[int]) -> Iterator[tuple[int, Row]]:
            made = (
                generate_in_layers(self.layered, requests, indices)
                if chain.in_layers
                else generate(self.pocket, requests, chain.steps, indices)
            )
            for index, audio in made:
                yield index, ear.hear(audio, loops[index])

        return arrays_of(self._model_folder, f"{name}-{chain}", size, hear)

    def main_columns(self) -> dict[str, Table]:
        """Return held-out loops, the codec and every chain."""
        recipes = self.halves[0]
        columns = {HELD_OUT: self.true_rows("asked", recipes)}
        columns[CODEC] = self.coded_rows(
            "codec", lambda index: material.rendered(recipes[index], self.assets), self.sizes.of(None)
        )
        for chain in self.sizes.chains:
            columns[str(chain)] = self.made_rows("asked", self.asked, chain, self.sizes.of(chain))
        return columns

    def figures(self, columns: dict[str, Table]) -> list[Figure]:
        """Return every figure of the main columns."""
        figures = from_rows(columns)
        others = self.true_rows("others", self.halves[1], EMBEDDING, PICTURE)
        figures.append(self._groups(columns, others))
        figures += self._genre_figures()
        if self.ear.musicnn is not None:
            training = self.true_rows("training", material.training(self.sizes.training), EMBEDDING)
            figures += distances(columns, others, training)
            figures.append(self._diversity())
        if self.ear.towers is not None:
            figures.append(ranks(columns, self._read_prompts()))
        return figures

    def _groups(self, columns: dict[str, Table], others: Table) -> Figure:
        truth = np.array([_groups_of(loop) for loop in self.asked])
        learned = np.array([_groups_of(_silent(recipe)) for recipe in self.halves[1]])
        listener = classifiers.Listener(classifiers.colour, others["picture"], learned, classifiers.Training())
        values = {
            name: 100 * classifiers.group_accuracy(listener, table["picture"], truth[: len(table["picture"])])["all"]
            for name, table in columns.items()
        }
        note = "told by a listener trained on other held-out loops; its own accuracy is the held-out column"
        return Figure(name="instrument groups as asked, %", bar="at least 85", good=at_least(85), digits=1,
                      values=values, note=note)  # fmt: skip

    def _genre_figures(self) -> list[Figure]:
        """Return how often the genre is recognised: asked with all that held-out loops are, and asked for alone."""
        sizes = self.sizes
        recipes = self._genre_recipes(material.FIRST_GENRE_SEED, sizes.per_genre)
        learned = self.true_rows("genres", recipes, PICTURE)
        asked = self._genre_recipes(material.FIRST_ASKED_GENRE_SEED, sizes.asked_per_genre)
        columns = {HELD_OUT: self.true_rows("asked-genres", asked, PICTURE)}
        for chain in sizes.chains:
            columns[str(chain)] = self.made_rows("genres", self.genres, chain, len(self.genres), PICTURE)
        classes = np.arange(len(material.GENRE_NAMES))
        listener = classifiers.Listener(
            classifiers.groove, learned["picture"], classes.repeat(sizes.per_genre), classifiers.Training()
        )
        truth = classes.repeat(sizes.asked_per_genre)
        values = {
            name: 100 * classifiers.genre_accuracy(listener, table["picture"], truth) for name, table in columns.items()
        }
        bare = [_fixed(genre) for genre in material.GENRE_NAMES for _ in range(sizes.asked_per_genre)]
        alone = {
            str(chain): 100 * classifiers.genre_accuracy(
                listener, self._plain_rows("bare-genres", bare, chain, PICTURE)["picture"], truth
            )
            for chain in sizes.main_chains
        }  # fmt: skip
        note = f"{len(classes)} genres, full mixes, all at 120 BPM; told by such a listener, as well"
        bar, good = "at least 70", at_least(70)
        return [
            Figure(name="genre as asked, %", bar=bar, good=good, digits=1, values=values, note=note),
            Figure(name="genre, nothing else asked, %", bar=bar, good=good, digits=1, values=alone, note=note),
        ]

    def _diversity(self) -> Figure:
        """Compare loops of a fixed prompt with held-out loops of that genre, all at one tempo."""
        seeds = self.sizes.seeds
        first = material.FIRST_GENRE_SEED
        recipes = [recipe for name in DIVERSE_PROMPTS for recipe in material.same_tempo(name, first, seeds)]
        true = self.true_rows("various", recipes, EMBEDDING)["musicnn"].reshape(len(DIVERSE_PROMPTS), seeds, -1)
        usual = [mean_distance(rows) for rows in true]
        prompts = [_fixed(name) for name in DIVERSE_PROMPTS for _ in range(seeds)]
        values = {}
        for chain in self.sizes.main_chains:
            rows = self._plain_rows("diverse", prompts, chain, EMBEDDING)["musicnn"]
            made = rows.reshape(true.shape)
            ratios = [mean_distance(one) / own for one, own in zip(made, usual, strict=True)]
            values[str(chain)] = float(np.mean(ratios))
        return Figure(name="variety at a fixed prompt, times that of held-out", bar="at least 0.7", good=at_least(0.7),
                      values=values)  # fmt: skip

    def _plain_rows(self, name: str, requests: list[LoopRequest], chain: Chain, part: str) -> Table:
        """Return rows of `requests`, each with a seed of its own, of which only the tempo is known."""
        seeded = [msgspec.structs.replace(one, seed=seed) for seed, one in enumerate(requests)]
        loops = [Loop(name, NOTHING, float(one.tempo_bpm)) for one in requests]
        return self._heard(name, seeded, loops, chain, len(seeded), part)

    def _read_prompts(self) -> np.ndarray:
        assert self.ear.towers is not None
        rows = torch.zeros(len(self.asked), WORD_SLOTS)
        for row, loop in zip(rows, self.asked, strict=True):
            row[list(loop.labels.words if loop.labels else ())] = 1
        return np.asarray(self.ear.towers.judge.embed_words(rows).numpy())

    def real_columns(self, folder: Path) -> dict[str, Table]:
        """Return real loops of other people before and after the codec."""
        loops = material.real_loops(folder)
        ear = self._ear()

        def hear(indices: Sequence[int]) -> Iterator[tuple[int, Row]]:
            yield from ((index, ear.hear(loops[index].audio, loops[index])) for index in indices)

        return {
            HELD_OUT: arrays_of(self._true_folder, "real", len(loops), hear),
            CODEC: self.coded_rows("real-codec", lambda index: loops[index], len(loops)),
        }

    @cached_property
    def _true_folder(self) -> Path:
        name = "assets" if self.assets else "synthesis"
        return self.work / f"true-{name}-{fingerprint(_code('training/synth', 'metrics'))}"

    @cached_property
    def _model_folder(self) -> Path:
        files = [*_code("training/synth", "metrics", "pocket"), *sorted(self.weights.rglob("*.safetensors"))]
        return self.work / f"model-{fingerprint(files)}"


def _code(*packages: str) -> list[Path]:
    """Return the sources that rows depend on: packages of the engine, and how loops are heard."""
    root, here = Path(engine.__file__).parent, Path(__file__).parent
    own = [here / f"{name}.py" for name in ("grid", "key", "sound", "hearing", "musicnn", "material", "generation")]
    return [file for package in packages for file in sorted((root / package).rglob("*.py"))] + own


def _silent(recipe: Recipe) -> Loop:
    return Loop(f"{recipe.split} {recipe.seed}", NOTHING, recipe.tempo_bpm, material.labels_of(recipe))


def _fixed(genre: str) -> LoopRequest:
    return LoopRequest(prompt=f"{genre}, full mix", tempo_bpm=Fraction(120), bars=4, seed=0)


def _facts(audio: Audio, loop: Loop) -> dict[str, float]:
    """Return what the figures ask of a loop's request: an odd metre, a plain loudness."""
    labels = loop.labels
    loudness_words = {WORD_IDS["quiet"], WORD_IDS["loud"]}
    return {
        "odd": float(labels is not None and (labels.numerator, labels.denominator) != (4, 4)),
        "plain": float(labels is None or not loudness_words & set(labels.words)),
    }


def _groups_of(loop: Loop) -> list[bool]:
    words = set(loop.labels.words if loop.labels else ())
    return [WORD_IDS[group] in words for group in classifiers.GROUPS]
