"""Scores: on the grid, in range, in the key."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.synth.compose import chord_roots, compose
from engine.training.synth.harmony import PROGRESSION_IDS, SCALES, chord_pitches, progression, voice
from engine.training.synth.melody import HIGHEST_PITCH, LOWEST_PITCH
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.score import swung

_RECIPES = st.integers(0, 2**40).map(sample_recipe)


@given(_RECIPES)
def test_everything_starts_inside_the_loop(recipe) -> None:
    """Starts are in 0..beats, lengths positive, velocities 0..1; one hit a piece and place."""
    score = compose(recipe)
    assert score.beats == recipe.beats
    for hit in score.hits:
        assert 0.0 <= hit.beat < recipe.beats
        assert 0.0 < hit.velocity <= 1.0
    places = [(hit.beat, hit.piece) for hit in score.hits]
    assert len(set(places)) == len(places)
    for note in (note for notes in score.parts for note in notes):
        assert 0.0 <= note.beat < recipe.beats
        assert note.beats > 0.0
        assert 0.0 < note.velocity <= 1.0


@given(_RECIPES)
def test_melodies_are_in_range_and_in_key(recipe) -> None:
    """Lead and arpeggio notes lie in MIDI 57..90 and in the scale of the label."""
    classes = {(recipe.tonic + step) % 12 for step in SCALES[recipe.mode]}
    for part, notes in zip(recipe.parts, compose(recipe).parts, strict=True):
        if part.role in ("lead", "arpeggio"):
            assert all(LOWEST_PITCH <= note.pitch <= HIGHEST_PITCH for note in notes)
            assert all(note.pitch % 12 in classes for note in notes)


@given(_RECIPES)
def test_drum_hits_lie_on_the_swung_grid(recipe) -> None:
    """Hits are on swung 48ths of a beat group: sixteenths, their rolls, or eighth triplets."""
    straight = {k / 12 for k in range(12)} | {k / 16 for k in range(16)}
    grid = straight | {round(swung(x, recipe.swing), 4) for x in straight}
    grid |= {round(swung(x, recipe.swing) + 0.5, 4) for x in straight}
    for hit in compose(recipe).hits:
        place = round(hit.beat % 1.0, 4)
        assert any(abs(place - x) < 2e-4 or abs(place - x - 1) < 2e-4 for x in grid), hit


@given(_RECIPES)
def test_harmony_fills_the_loop(recipe) -> None:
    """The chords follow each other without gap and end at the wrap."""
    roots = chord_roots(recipe)
    assert roots[0][0] == 0.0
    assert roots[-1][0] + roots[-1][1] == pytest.approx(recipe.beats)
    for (start, beats, _), (following, _, _) in pairwise(roots):
        assert start + beats == pytest.approx(following)


@given(st.floats(0.0, 64.0), st.floats(0.5, 0.66))
def test_swing_keeps_eighths_and_order(beat: float, swing: float) -> None:
    """Eighths stay where they are, nothing overtakes, and 0.5 changes nothing."""
    assert swung(beat, 0.5) == pytest.approx(beat)
    assert swung(beat, swing) <= swung(beat + 0.01, swing)
    assert swung(round(beat * 2) / 2, swing) == pytest.approx(round(beat * 2) / 2)
    assert swung(0.25, swing) == pytest.approx(swing / 2)


@given(st.integers(0, PROGRESSION_IDS - 1), st.sampled_from(sorted(SCALES)))
def test_a_progression_is_its_identity(identity: int, mode: str) -> None:
    """Four degrees of the scale, the same each time."""
    degrees = progression(identity, mode)
    assert len(degrees) == 4
    assert all(0 <= degree <= 6 for degree in degrees)
    assert degrees == progression(identity, mode)


@given(st.integers(0, 6), st.integers(0, 11), st.sampled_from(sorted(SCALES)), st.integers(54, 64))
def test_a_voicing_has_the_chords_tones_near_its_centre(degree: int, tonic: int, mode: str, centre: int) -> None:
    """Voicings keep the pitch classes, lie within an octave and stay near the asked middle."""
    pitches = chord_pitches(degree, tonic, mode, "seventh")
    voiced = voice(pitches, centre, None)
    assert {pitch % 12 for pitch in voiced} == {pitch % 12 for pitch in pitches}
    assert max(voiced) - min(voiced) < 12
    assert abs(sum(voiced) / len(voiced) - centre) <= 7


@given(st.integers(0, 10_000))
def test_muted_layers_are_silent(seed: int) -> None:
    """Where the recipe mutes the drums no hit starts."""
    recipe = sample_recipe(seed + Random(seed).randrange(10), layout="full")
    score = compose(recipe)
    for layer, start, end in recipe.dynamics.mutes:
        if layer == "drums" and recipe.parts:
            assert not [hit for hit in score.hits if start <= hit.beat < end]


@given(_RECIPES)
def test_no_loop_is_silent(recipe) -> None:
    """Mutes never take everything: a recipe with drums or parts has something to play."""
    score = compose(recipe)
    if recipe.drums or recipe.parts:
        assert score.hits or any(score.parts)
