"""Training loops: what is rendered is what is served, turned but never padded, and told as often as it should be."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.pocket import condition, musical_time
from engine.pocket.bands import SAMPLE_RATE, latent_frames
from engine.pocket.network import CONTROL_CHANNELS
from engine.training import loops
from engine.training.loops import LoopSet, read_shards
from engine.training.synth.recipe import sample_recipe


def test_a_shard_holds_every_loop_with_its_labels(shards: Path) -> None:
    """Bands and labels come back in order: frames span the loop, labels are the recipe's."""
    read = list(read_shards(shards))
    assert len(read) == 8
    for seed, (bands, labels) in enumerate(read):
        recipe = sample_recipe(seed)
        assert (labels["genre"], labels["tempo_bpm"], labels["bars"]) == (recipe.genre, recipe.tempo_bpm, recipe.bars)
        assert labels["samples"] == recipe.samples(SAMPLE_RATE)
        assert bands.shape == (2 * latent_frames(labels["samples"]), 295)
        assert np.isfinite(bands).all()
    assert not list(shards.glob("*.part"))


def test_the_latent_map_is_fitted_once_and_kept(shards: Path, loop_set: LoopSet) -> None:
    """A second reading gives the same latents, of about unit power."""
    again = LoopSet.load(shards)
    assert all(np.array_equal(one.latent, other.latent) for one, other in zip(loop_set.loops, again.loops, strict=True))
    power = np.square(np.concatenate([loop.latent.astype(np.float32) for loop in loop_set.loops])).mean()
    assert 0.7 < power < 1.4


def test_a_batch_is_of_one_length_and_repeats_with_its_seed(loop_set: LoopSet) -> None:
    """Shapes agree with what the network takes; the same generator draws the same batch."""
    first, second = (loop_set.batch(3, np.random.default_rng(5)) for _ in range(2))
    size, frames = first.latent.shape[:2]
    assert first.condition.shape == (size, condition.CHANNELS)
    assert first.phases.shape == (size, frames, musical_time.CHANNELS)
    assert first.controls.shape == (size, frames, CONTROL_CHANNELS)
    assert torch.equal(first.latent, second.latent)
    assert torch.equal(first.condition, second.condition)
    assert first.rows(slice(0, 2)).latent.shape[0] == 2


def test_long_loops_come_in_smaller_batches(loop_set: LoopSet) -> None:
    """A batch never holds many more frames than sixteen loops of six seconds do."""
    generator = np.random.default_rng(1)
    sizes = [loop_set.batch(16, generator).latent.shape[:2] for _ in range(12)]
    assert max(count * frames for count, frames in sizes) <= 16 * 260 + 520


def test_pieces_are_true_to_their_loop(loop_set: LoopSet) -> None:
    """Every piece is a run of neighbours of one loop, round the wrap, with the phases and controls of those frames."""
    window = 40
    batch = loop_set.batch(4, np.random.default_rng(4), windows=(window,))
    assert batch.latent.shape[:2] == (round(4 * 260 / window), window)
    for latent, phases in zip(batch.latent, batch.phases, strict=True):
        found = [loop for loop in loop_set.loops if _place(loop, latent) is not None]
        assert len(found) == 1
        labels = found[0].labels
        per_bar = Fraction(4 * labels["numerator"], labels["denominator"])
        own = musical_time.phases(len(found[0].latent), labels["bars"], per_bar)
        assert torch.equal(phases, own.roll(-_place(found[0], latent), 0)[:window])


def test_pieces_of_several_lengths_take_turns(loop_set: LoopSet) -> None:
    """Each batch has pieces of one of the lengths, fewer of the longer ones, and all lengths come up."""
    generator = np.random.default_rng(5)
    shapes = {tuple(loop_set.batch(4, generator, windows=(40, 80)).latent.shape[:2]) for _ in range(12)}
    assert shapes == {(26, 40), (13, 80)}


def _place(loop: loops.Loop, piece: torch.Tensor) -> int | None:
    """Return the frame of `loop` where `piece` begins."""
    whole = torch.from_numpy(loop.latent).float()
    starts = (whole == piece[0]).all(1).nonzero()[:, 0].tolist()
    return next((start for start in starts if torch.equal(whole.roll(-start, 0)[: len(piece)], piece)), None)


def test_latents_stand_on_their_own_downbeat(loop_set: LoopSet) -> None:
    """A batch keeps each loop where its musical phase is: frame 0 is the downbeat."""
    batch = loop_set.batch(4, np.random.default_rng(2))
    rows = [torch.from_numpy(loop.latent).float() for loop in loop_set.loops]
    for latent, phases in zip(batch.latent, batch.phases, strict=True):
        assert any(latent.shape == row.shape and torch.equal(latent, row) for row in rows)
        assert float(phases[0, 0]) < 0.05


def test_words_controls_and_keys_are_left_out_now_and_then(loop_set: LoopSet) -> None:
    """Some conditions say nothing but the time, most say something; most controls are free."""
    loop = next(loop for loop in loop_set.loops if loop.labels["tonic"] >= 0)
    generator = np.random.default_rng(3)
    told = torch.stack([loop.condition(generator) for _ in range(300)])
    words = told[:, : condition.WORD_SLOTS].sum(1)
    assert 0.03 < float((words == 0).float().mean()) < 0.25
    assert set(torch.nonzero(told[:, : condition.WORD_SLOTS])[:, 1].tolist()) == set(loop.labels["words"])
    key_said = told[:, condition.WORD_SLOTS + 24]
    assert 0.45 < float(key_said.mean()) < 0.8
    time = told[:, condition.WORD_SLOTS + 25 :]
    assert torch.equal(time[0], time[-1])
    shown = torch.stack([loop_set.batch(4, generator).controls[:, 0, [1, 14, 16]].amax(0) for _ in range(60)])
    assert 0 < float(shown.mean()) < 0.7


@pytest.mark.parametrize(
    ("name", "wanted"), [("harmonic-minor", "harmonic minor"), ("dorian", "dorian"), ("", "minor")]
)
def test_modes_have_the_names_of_the_request(name: str, wanted: str) -> None:
    """The synthesiser's modes are those that a producer may ask for."""
    assert loops.mode_name(name) == wanted


def test_phases_of_odd_metres_are_those_of_their_labels(loop_set: LoopSet) -> None:
    """A row's phases count the bar that its labels have."""
    loop = loop_set.loops[0]
    _, _, phases, _ = loop_set._row(loop, np.random.default_rng(0))
    per_bar = Fraction(4 * loop.labels["numerator"], loop.labels["denominator"])
    assert torch.equal(phases, musical_time.phases(len(loop.latent), loop.labels["bars"], per_bar))
