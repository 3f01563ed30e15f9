"""Loops in layers, from the synthesiser to a network that has learnt from them."""

import copy
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from engine.pocket import condition
from engine.pocket.bands import mid_bands
from engine.pocket.latents import LatentMap
from engine.pocket.layered import load_layered
from engine.pocket.layers import CHORD_CHANNELS, LAYERS, Layer, heard, summary
from engine.pocket.model import WEIGHTS
from engine.pocket.network import LAYER_INPUTS, OWN_WEIGHTS_OF, PocketNetwork, in_layers
from engine.pocket.repertoire import Repertoire
from engine.pocket.words import WORD_IDS
from engine.request import LoopRequest
from engine.sampling import sample, start_noise
from engine.settings import Settings
from engine.training import plan
from engine.training.batches import Draws, LoopSet
from engine.training.export import LEVELS_DB, export
from engine.training.flow import Recipe, Trainer
from engine.training.layer_batches import LayerSet, chord_rows
from engine.training.layer_loops import read_tracks, render_layer_shard
from engine.training.layer_repertoire import layer_repertoire
from engine.training.synth.compose import chord_roots, compose
from engine.training.synth.harmony import SCALES, degree_pitch
from engine.training.synth.layers import PERCUSSION, chords, inverted, layer_labels, render_layers
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import render

CPU = torch.device("cpu")
SECOND = 1 / 60
CLEAN = {"saturation": 0.0, "bit_depth": 0}


@pytest.fixture(scope="session")
def layer_shards(tmp_path_factory: pytest.TempPathFactory, loop_set: LoopSet) -> Path:
    """Return a folder with a shard of four loops in layers, and the latent map of the plain loops."""
    folder = tmp_path_factory.mktemp("layers")
    render_layer_shard(5, 4, "train", None, folder)
    loop_set.latent_map.save(folder / "latent_map.safetensors")
    return folder


@pytest.fixture(scope="session")
def layer_set(layer_shards: Path) -> LayerSet:
    """Return those loops as latents."""
    return LayerSet.load(layer_shards)


@pytest.mark.parametrize("seed", [5, 7, 26])
def test_the_mix_is_that_of_the_whole_recipe(seed: int) -> None:
    """What is rendered in layers has the mix that the recipe has without them, but where percussion is driven apart."""
    recipe = sample_recipe(seed, layout="full")
    loop = render_layers(recipe)
    if Layer.PERCUSSION not in loop.layers:
        np.testing.assert_allclose(loop.audio, render(recipe).audio, atol=1e-6)
    assert loop.labels.words == render(recipe).labels.words


@pytest.mark.parametrize("seed", [1, 27])
def test_layers_add_up_to_the_mix(seed: int) -> None:
    """Where nothing saturates or clips, the sum of the layers is the mix, 30 dB and more above what differs."""
    recipe = sample_recipe(seed, layout="full")
    quiet = msgspec.structs.replace(recipe.mix, loudness_lufs=-26.0, **CLEAN)
    loop = render_layers(msgspec.structs.replace(recipe, mix=quiet))
    total = np.sum([audio for audio, _ in loop.layers.values()], axis=0)
    assert np.square(total - loop.audio).mean() < 1e-3 * np.square(loop.audio).mean()


def test_drums_that_are_muted_are_no_layer() -> None:
    """A recipe whose drums never play is rendered without them, and so is it labelled."""
    recipe = sample_recipe(507, layout="full")
    assert recipe.drums is not None
    assert not compose(recipe).hits
    short = msgspec.structs.replace(recipe, bars=1)
    loop = render_layers(short)
    assert Layer.DRUMS not in loop.layers
    assert set(loop.layers) == set(layer_labels(short, compose(short)))


def test_a_layer_is_labelled_as_what_it_is_alone() -> None:
    """Drums have no bass, no melody and no key; the bass has a key and no drums; each has its own instruments."""
    recipe = sample_recipe(26, layout="full")
    found = layer_labels(recipe, compose(recipe))
    assert {Layer.DRUMS, Layer.BASS, Layer.CHORDS} <= set(found)
    drums, bass = found[Layer.DRUMS], found[Layer.BASS]
    assert {WORD_IDS[word] for word in ("drums only", "no bass", "no melody")} <= set(drums.words)
    assert drums.tonic == -1
    assert bass.tonic == recipe.tonic
    assert WORD_IDS["no drums"] in bass.words
    assert not {hit.piece for hit in drums.onsets} & PERCUSSION
    assert not bass.onsets


@given(seed=st.integers(0, 300))
@settings(max_examples=30)
def test_chords_are_what_the_parts_play(seed: int) -> None:
    """Each chord holds the notes of the part of chords at its time, and its bass is the lowest note of a bass line."""
    recipe = inverted(sample_recipe(seed, layout="full"))
    found, score = chords(recipe), compose(recipe)
    assert [one.beat for one in found] == [beat for beat, _, _ in chord_roots(recipe)]
    for part, notes in zip(recipe.parts, score.parts, strict=True):
        for note in notes if part.role == "chords" and part.line == "pad" else ():
            chord = next(one for one in reversed(found) if one.beat <= note.beat + 0.3)
            assert note.pitch % 12 in chord.pitch_classes
    if recipe.inversions:
        roots = [degree_pitch(degree, recipe.tonic, recipe.mode) % 12 for _, _, degree in chord_roots(recipe)]
        assert all((one.bass == root) == (step == 0) for one, root, step in zip(
            found, roots, recipe.inversions * len(found), strict=False))  # fmt: skip
        assert {one.bass for one in found} <= {(recipe.tonic + step) % 12 for step in SCALES[recipe.mode]}


def test_a_shard_holds_every_layer_at_its_level(layer_shards: Path, layer_set: LayerSet) -> None:
    """Read back, the mix comes first, then as many layers as are named, none louder than the mix by much."""
    tracks = list(read_tracks(next(layer_shards.glob("*.npz"))))
    assert len(tracks) == len(layer_set) == 4
    for one in tracks:
        assert len(one.bands) == 1 + len(one.labels["layers"])
        power = np.exp(one.bands.astype(np.float32)).mean((1, 2))
        assert (power[1:] < 2 * power[0]).all()
        assert len(one.controls) == one.labels["frames"] // 2


def test_batches_hold_layers(layer_set: LayerSet) -> None:
    """Layers are told which they are, mostly hear others, and are shown no controls."""
    batch = layer_set.batch(200, 40, Draws.of(1))
    assert batch.layer is not None
    assert batch.context is not None
    assert (batch.layer.sum(1) == 1).all()
    assert not batch.controls.any()
    assert 0.6 < batch.context[..., -1].amax(1).mean() < 1
    unconditional = batch.unconditional()
    assert unconditional.context is not None
    assert not unconditional.condition[:, : condition.WORD_SLOTS].any()
    assert not unconditional.context[..., :CHORD_CHANNELS].any()
    assert torch.equal(unconditional.context[..., CHORD_CHANNELS:], batch.context[..., CHORD_CHANNELS:])


def test_pieces_hear_what_whole_loops_do(layer_set: LayerSet) -> None:
    """What is heard in a piece is the same stretch of what is heard in the whole, its first frame too."""
    song = layer_set._songs[0]
    powers = sum((one.powers.float().exp() for one in song.tracks), torch.zeros_like(song.tracks[0].powers).float())
    whole = heard(powers)
    piece = heard(torch.cat([powers[18:20], powers[20:60]]))[1:]
    assert torch.allclose(piece[:, :-13], whole[10:30, :-13], atol=1e-5)


def test_chord_rows_change_with_the_chords() -> None:
    """A chord stands in the frames whose centre it covers."""
    rows = chord_rows([[0, 2, 0, [0, 4, 7], 0], [2, 2, 9, [0, 4, 9], 4]], 4.0, 40)
    assert rows[:20, 0].all()
    assert rows[20:, 9].all()
    assert rows[30, 12:].nonzero()[:, 0].tolist() == [0, 4, 9, 16, 24]


def test_a_note_is_heard_in_its_pitch_class() -> None:
    """A tone of A is heard as A, silence as silence, and a hit as a rise."""
    from engine.pocket.bands import log_bands

    time = torch.arange(88_200) / 44_100
    tone = (0.1 * torch.sin(2 * torch.pi * 440 * time)).expand(2, -1).clone()
    tone[:, 44_100:] = 0
    rows = heard(summary(log_bands(tone, 172)))
    assert rows[20, -13:-1].argmax() == 9
    assert not rows[60, -13:-1].any()
    assert rows[:, 16:32].sum(1).argmax() in (0, 85)


def test_layers_are_learnt_beside_a_network_that_stays(layer_set: LayerSet, tmp_path: Path) -> None:
    """A layered trainer changes what tells layers apart, and nothing of the network it was begun from."""
    before = PocketNetwork(channels=224, width=32, depth=2, condition_channels=condition.CHANNELS)
    for part in (before.latent_out, before.final_modulation):  # silent at first: nothing would be learnt in two steps
        torch.nn.init.normal_(part.weight, std=0.02)
    before.save(tmp_path / "weights")
    recipe = Recipe(minutes=1, most_steps=2, batch=2, windows=(40,), width=32, depth=2, layered=True)
    trainer = Trainer(recipe, layer_set.latent_map.deviation, tmp_path / "state", CPU)
    trainer.begin_from(tmp_path / "weights")
    trainer.run(layer_set)
    assert trainer.network.layer_in.any()
    assert trainer.network.context_in.any()
    after = trainer.network.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.state_dict().items())


def test_a_full_mix_hears_no_layers(layer_set: LayerSet) -> None:
    """A network that can be told layers answers for the full mix as before, to the bit, whatever its context."""
    torch.manual_seed(0)
    before = PocketNetwork(channels=224, width=32, depth=2, condition_channels=condition.CHANNELS)
    torch.nn.init.normal_(before.control_in.weight)
    torch.nn.init.normal_(before.latent_out.weight, std=0.02)
    batch, time = layer_set.batch(3, 40, Draws.of(2)), torch.full((3,), 0.5)
    told = batch.condition, batch.phases, batch.controls
    after = in_layers(before)
    with torch.no_grad():
        one = before(batch.latent, time, time, *told)
        assert torch.equal(one, after(batch.latent, time, time, *told))
        assert torch.equal(one, after(batch.latent, time, time, *told, torch.zeros_like(batch.layer), batch.context))
        assert not torch.equal(one, after(batch.latent, time, time, *told, batch.layer, batch.context))


def test_weights_of_its_own_are_heard_in_one_layer_alone(layer_set: LayerSet) -> None:
    """Whatever the bass's own weights are, every other layer and the full mix answer as without them, to the bit."""
    torch.manual_seed(0)
    plain = PocketNetwork(channels=224, width=32, depth=2, condition_channels=condition.CHANNELS, layered=True)
    for parameter in plain.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    for name, parameter in plain.named_parameters():
        if name.endswith("expand"):
            torch.nn.init.zeros_(parameter)
    own = copy.deepcopy(plain)
    for name, parameter in own.named_parameters():
        if ".own." in name:
            torch.nn.init.normal_(parameter)
    batch, time = layer_set.batch(len(LAYERS) + 1, 40, Draws.of(2)), torch.full((len(LAYERS) + 1,), 0.5)
    layers = torch.cat([torch.eye(len(LAYERS)), torch.zeros(1, len(LAYERS))])
    told = batch.latent, time, time / 2, batch.condition, batch.phases, batch.controls, layers, batch.context
    with torch.no_grad():
        before, after = plain(*told), own(*told)
    changed = [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert changed == [layer is OWN_WEIGHTS_OF for layer in LAYERS] + [False]


def test_exported_layers_play_at_their_levels() -> None:
    """In the weights that ship, chords are moved by as many decibels as the export says, in every audible band."""
    inputs = load_file(WEIGHTS / LAYER_INPUTS)
    latent_map = LatentMap.load(WEIGHTS / "latent_map.safetensors")
    levels = inputs["layer_level"].float()
    still = latent_map.decode(torch.zeros(1, latent_map.channels))
    for layer, row in zip(LAYERS, levels, strict=True):
        moved_db = (latent_map.decode(row[None]) - still)[:, : len(mid_bands())] * 10 / np.log(10)
        assert abs(float(moved_db.mean()) - LEVELS_DB.get(layer, 0.0)) < 0.5
        assert float(moved_db.std()) < 1.0
    assert inputs["context_first"][LAYERS.index(Layer.BASS)].any()


@pytest.mark.slow
def test_the_plan_for_layers_becomes_a_model_that_plays_them(loop_set: LoopSet, tmp_path: Path) -> None:
    """Begun beside a whole model, what is learnt of layers becomes a model that plays in them, and as a mix."""
    start = tmp_path / "start"
    first = Trainer(
        Recipe(minutes=1, most_steps=2, batch=2, windows=(40,), width=32, depth=2),
        loop_set.latent_map.deviation,
        tmp_path / "first",
        CPU,
    )
    first.run(loop_set)
    export(tmp_path / "first", loop_set.latent_map, start)
    Repertoire.load(WEIGHTS / "repertoire.safetensors").save(start / "repertoire.safetensors")
    for name in plan.TOWERS:
        (start / name).symlink_to(WEIGHTS / name)
    tiny = {"minutes": SECOND, "windows": (40,), "width": 32, "depth": 2, "compiled": False}
    small = replace(
        plan.LAYERS,
        loops=4,
        flow=replace(plan.LAYERS.flow, **tiny),
        own_flow=replace(plan.OWN_FLOW, **tiny),
        own_student=replace(plan.OWN_FLOW, **tiny, student=0.6),
        shards_to_begin=None,
        repertoire_loops=40,
    )
    run = plan.TrainingRun(small, tmp_path / "work", assets=None, minutes=600 * SECOND, device=CPU, start=start)
    assert run.run()
    run.close()
    model = load_layered(Settings(dtype="float32"), run.weights)
    request = LoopRequest(prompt="house", bars=1)
    scene = model.scene(request)
    told, _ = model.condition_layers(scene, start_noise(scene, 1))
    latent = sample(model, told, start_noise(scene, 1), model.schedule(1, told), model.card.sampler, checkpoint=False)
    assert model.decode(latent, told).shape == (1, 2, scene.model_samples)
    assert set(scene.layers) <= {layer.value for layer in LAYERS}
    assert all(block.own["up"].expand.any() for block in model.network.blocks)


def test_a_repertoire_of_layers_reads_back(tmp_path: Path) -> None:
    """It says the same of each layer after it was kept, and kicks are the drums', not the bass's."""
    from engine.pocket.arrangement import LayerRepertoire

    made = layer_repertoire(40)
    made.save(tmp_path / "layers.safetensors")
    read = LayerRepertoire.load(tmp_path / "layers.safetensors")
    assert np.array_equal(made.said, read.said)
    assert np.array_equal(made.chords.rows, read.chords.rows)
    assert made.owners[WORD_IDS["kick"]].tolist() == [True, False, False, False, False, False]
