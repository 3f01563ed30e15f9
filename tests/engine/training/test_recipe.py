"""Recipes: pure data, deterministic, balanced, and split by identity."""

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pocket.words import WORD_IDS, WORDS
from engine.training.synth.compose import compose
from engine.training.synth.genres import GENRES
from engine.training.synth.labels import label
from engine.training.synth.moods import MOODS
from engine.training.synth.recipe import Recipe, recipe_hash
from engine.training.synth.recipe_sampling import LONGEST_S, SHORTEST_S, sample_recipe
from engine.training.synth.splits import SPLITS, draw_id, is_held_out

_SEEDS = st.integers(0, 2**40)


@given(_SEEDS, st.sampled_from(SPLITS))
def test_a_seed_is_always_the_same_recipe(seed: int, split: str) -> None:
    """Two draws are equal, also through JSON, and so is their hash."""
    recipe = sample_recipe(seed, split)
    assert recipe == sample_recipe(seed, split)
    again = msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe)
    assert again == recipe
    assert recipe_hash(again) == recipe_hash(recipe)


@given(_SEEDS)
def test_every_recipe_is_within_the_ranges_that_the_model_knows(seed: int) -> None:
    """Tempo 60-180, swing 50-66 %, 1-8 bars, 2-16.5 seconds, whole samples rounded once."""
    recipe = sample_recipe(seed)
    assert 60.0 <= recipe.tempo_bpm <= 180.0
    assert 0.5 <= recipe.swing <= 0.66
    assert recipe.bars in (1, 2, 4, 8)
    assert SHORTEST_S <= recipe.seconds <= LONGEST_S
    assert -1 <= recipe.tonic <= 11
    exact = recipe.bars * 4 * recipe.numerator / recipe.denominator * 60 / recipe.tempo_bpm * 44100
    assert recipe.samples() == round(exact)


@given(_SEEDS)
def test_identities_keep_to_their_split(seed: int) -> None:
    """No kit, waveform, progression or motif of a held-out loop is ever in a training loop."""
    for split in SPLITS:
        recipe = sample_recipe(seed, split)
        identities = [recipe.progression_id, recipe.motif_seed, *(part.patch.cycle_id for part in recipe.parts)]
        identities += [recipe.drums.kit_id] if recipe.drums else []
        assert {is_held_out(identity) for identity in identities} == {split == "heldout"}


def test_a_tenth_of_the_identities_is_held_out() -> None:
    """The share of held-out identities is one in ten."""
    assert sum(is_held_out(identity) for identity in range(1000)) == 100


def test_an_unknown_split_is_refused() -> None:
    """A typing error does not silently train on held-out sounds."""
    with pytest.raises(ValueError, match="train, heldout"):
        sample_recipe(0, "test")


def test_the_mixture_is_the_one_that_was_planned() -> None:
    """Genres are balanced within 2x, layouts and metres near their shares, most loops 4 to 9 seconds."""
    recipes = [sample_recipe(seed) for seed in range(2000)]
    genres = Counter(recipe.genre for recipe in recipes)
    assert set(genres) == set(GENRES)
    assert max(genres.values()) <= 2 * min(genres.values())
    layouts = Counter(recipe.layout for recipe in recipes)
    assert 0.40 <= layouts["full"] / 2000 <= 0.50
    assert min(layouts.values()) >= 0.03 * 2000
    common = sum((recipe.numerator, recipe.denominator) == (4, 4) for recipe in recipes) / 2000
    assert 0.80 <= common <= 0.90
    assert len({(recipe.numerator, recipe.denominator) for recipe in recipes}) == 5
    assert sum(4.0 <= recipe.seconds <= 9.0 for recipe in recipes) >= 0.6 * 2000
    assert len({recipe.tonic for recipe in recipes}) == 13
    shares = Counter(recipe.dynamics.shape != "steady" for recipe in recipes)
    assert 0.35 <= shares[True] / 2000 <= 0.6


def test_most_full_loops_have_a_melody() -> None:
    """Control by chroma needs lines to learn from: over half of the full loops have a lead or arpeggio."""
    full = [r for r in map(sample_recipe, range(2000)) if r.layout == "full"]
    melodic = [r for r in full if any(part.role in ("lead", "arpeggio") for part in r.parts)]
    assert len(melodic) >= 0.5 * len(full)


def test_every_word_is_learnt_from_some_loop() -> None:
    """No word of the vocabulary is empty: among 3,000 recipes each occurs at least 3 times."""
    counts: Counter[int] = Counter()
    for seed in range(3000):
        recipe = sample_recipe(seed)
        counts.update(label(recipe, compose(recipe), -14.0).words)
    rare = {word.text: counts[word.id] for word in WORDS if counts[word.id] < 3}
    assert not rare


def test_templates_use_words_of_the_vocabulary() -> None:
    """Every genre template is a genre word, and every mood in it has an effect and a word."""
    assert set(GENRES) == {word.text for word in WORDS if word.group == "genre"}
    for genre in GENRES.values():
        assert set(genre.moods.split()) <= set(MOODS)
    assert set(MOODS) <= set(WORD_IDS)


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.sampled_from(SPLITS))
def test_drawn_identities_are_in_range(count: int, split: str) -> None:
    """`draw_id` stays below its count."""
    assert 0 <= draw_id(Random(count), count + 10, split) < count + 10
