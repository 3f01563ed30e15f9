"""Training loops: what is rendered is what is served, turned but never padded, and told as often as it should be."""

import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.pocket import condition, musical_time
from engine.pocket.bands import SAMPLE_RATE, latent_frames
from engine.pocket.network import CONTROL_CHANNELS
from engine.training import loops
from engine.training.batches import Draws, LoopSet
from engine.training.loops import read_shards
from engine.training.synth.recipe_sampling import sample_recipe


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
    assert len(loop_set) == 8
    assert all(torch.equal(loop_set.latent(index), again.latent(index)) for index in range(8))
    power = torch.cat([loop_set.latent(index) for index in range(8)]).square().mean()
    assert 0.7 < power < 1.4


def test_loops_rendered_meanwhile_are_drawn_too(shards: Path, loop_set: LoopSet, tmp_path: Path) -> None:
    """A set that grows begins with the shards that are there, and finds a later one by itself."""
    first, second = sorted(shards.glob("*.npz"))
    for file in (first, shards / "latent_map.safetensors"):
        shutil.copy(file, tmp_path)
    growing = LoopSet.load(tmp_path, grows=True)
    batches = growing.batches(4, 0, windows=(40,))
    next(batches)
    assert len(growing) == 4
    shutil.copy(second, tmp_path)
    seen = [next(batches).latent for _ in range(3)]
    assert len(growing) == 8
    assert torch.equal(growing.latent(6), loop_set.latent(6))
    assert {_whose(loop_set, piece) for latents in seen for piece in latents} & {4, 5, 6, 7}


def test_a_folder_without_loops_is_said(tmp_path: Path, shards: Path) -> None:
    """Training on nothing ends with a sentence."""
    shutil.copy(shards / "latent_map.safetensors", tmp_path)
    with pytest.raises(FileNotFoundError, match="no loops"):
        LoopSet.load(tmp_path)


def test_a_batch_is_of_one_length_and_repeats_with_its_seed(loop_set: LoopSet) -> None:
    """Shapes agree with what the network takes; the same draws draw the same batch, others another."""
    first, second, other = (loop_set.batch(3, Draws.of(seed)) for seed in (5, 5, 6))
    size, frames = first.latent.shape[:2]
    assert first.condition.shape == (size, condition.CHANNELS)
    assert first.phases.shape == (size, frames, musical_time.CHANNELS)
    assert first.controls.shape == (size, frames, CONTROL_CHANNELS)
    assert torch.equal(first.latent, second.latent)
    assert torch.equal(first.condition, second.condition)
    assert not torch.equal(first.condition, other.condition)
    assert first.rows(slice(0, 2)).latent.shape[0] == 2


def test_long_loops_come_in_smaller_batches(loop_set: LoopSet) -> None:
    """A batch never holds many more frames than sixteen loops of six seconds do."""
    draws = Draws.of(1)
    sizes = [loop_set.batch(16, draws).latent.shape[:2] for _ in range(12)]
    assert max(count * frames for count, frames in sizes) <= 16 * 260 + 520


def test_pieces_are_true_to_their_loop(loop_set: LoopSet) -> None:
    """Every piece is a run of neighbours of one loop, round the wrap, with the phases and controls of those frames."""
    window = 40
    batch = loop_set.batch(4, Draws.of(4), windows=(window,))
    assert batch.latent.shape[:2] == (round(4 * 260 / window), window)
    for latent, phases in zip(batch.latent, batch.phases, strict=True):
        index = _whose(loop_set, latent)
        labels = loop_set.labels[index]
        per_bar = Fraction(4 * labels["numerator"], labels["denominator"])
        own = musical_time.phases(len(loop_set.latent(index)), labels["bars"], per_bar)
        place = _place(loop_set.latent(index), latent)
        assert place is not None
        assert torch.equal(phases, own.roll(-place, 0)[:window])


def test_pieces_of_several_lengths_take_turns(loop_set: LoopSet) -> None:
    """Each batch has pieces of one of the lengths, fewer of the longer ones, and all lengths come up."""
    draws = Draws.of(5)
    shapes = {tuple(loop_set.batch(4, draws, windows=(40, 80)).latent.shape[:2]) for _ in range(12)}
    assert shapes == {(26, 40), (13, 80)}


def _place(whole: torch.Tensor, piece: torch.Tensor) -> int | None:
    """Return the frame of a loop where `piece` begins."""
    starts = (whole == piece[0]).all(1).nonzero()[:, 0].tolist()
    return next((start for start in starts if torch.equal(whole.roll(-start, 0)[: len(piece)], piece)), None)


def _whose(loop_set: LoopSet, piece: torch.Tensor) -> int:
    """Return the one loop that `piece` is of."""
    (found,) = [index for index in range(len(loop_set)) if _place(loop_set.latent(index), piece) is not None]
    return found


def test_latents_stand_on_their_own_downbeat(loop_set: LoopSet) -> None:
    """A batch keeps each loop where its musical phase is: frame 0 is the downbeat."""
    batch = loop_set.batch(4, Draws.of(2))
    for latent, phases in zip(batch.latent, batch.phases, strict=True):
        assert torch.equal(latent, loop_set.latent(_whose(loop_set, latent)))
        assert float(phases[0, 0]) < 0.05


def test_words_controls_and_keys_are_left_out_now_and_then(loop_set: LoopSet) -> None:
    """Some conditions say nothing but the time, most say something; most controls are free."""
    index = next(index for index, label in enumerate(loop_set.labels) if label["tonic"] >= 0)
    labels = loop_set.labels[index]
    draws = Draws.of(3)
    drawn = loop_set._drawn_condition(torch.full((300,), index), draws)
    words = drawn[:, : condition.WORD_SLOTS].sum(1)
    assert 0.03 < float((words == 0).float().mean()) < 0.25
    assert set(torch.nonzero(drawn[:, : condition.WORD_SLOTS])[:, 1].tolist()) == set(labels["words"])
    key_said = drawn[:, condition.WORD_SLOTS + 24]
    assert 0.45 < float(key_said.mean()) < 0.8
    time = drawn[:, condition.WORD_SLOTS + 25 :]
    assert torch.equal(time[0], time[-1])
    shown = torch.cat([loop_set.batch(4, draws).controls[:, :, [1, 14, 16]].amax(1) for _ in range(60)])
    assert 0.05 < float(shown.mean()) < 0.3


@pytest.mark.parametrize(
    ("name", "wanted"), [("harmonic-minor", "harmonic minor"), ("dorian", "dorian"), ("", "minor")]
)
def test_modes_have_the_names_of_the_request(name: str, wanted: str) -> None:
    """The synthesiser's modes are those that a producer may ask for."""
    assert loops.mode_name(name) == wanted
