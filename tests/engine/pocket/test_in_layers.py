"""The parts that layers add to `pocket`, each alone: which requests play one mix, what scenes tell, how layers sum."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import torch
from asking import Asking
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from engine.errors import BadRequestError, ModelError
from engine.models.protocol import Scene
from engine.pocket.arrangement import LayerConditioning, LayerRepertoire
from engine.pocket.bands import FLOOR, band_power
from engine.pocket.in_layers.mix import mix_notes
from engine.pocket.in_layers.scenes import LayerScenes, chord_frames, for_batch, one_layer, only_layers
from engine.pocket.in_layers.sounds import LayerSounds, audible, summed
from engine.pocket.layers import CHORD_CHANNELS, CHORD_KNOWN, Layer
from engine.pocket.model import Pocket
from engine.pocket.words import WORD_IDS
from engine.request import Control, LoopRequest, chord_spans
from midi.chords.text import joined, written
from midi.key import MODES, Key

CHANNELS = 12


@pytest.fixture(scope="module")
def scenes(repertoire: LayerRepertoire) -> LayerScenes:
    return LayerScenes(repertoire, CHANNELS, torch.device("cpu"))


@pytest.fixture(scope="module")
def trio(scenes: LayerScenes) -> Scene:
    return scenes.scene(request(layers=("drums", "bass", "lead"), mute=("lead",)))


def request(**fields: Any) -> LoopRequest:
    return LoopRequest(**({"prompt": "house", "bars": 2, "tempo_bpm": Fraction(150), "seed": 3} | fields))


def latents(scene: Scene, batch: int = 1) -> Tensor:
    return torch.randn(batch, *scene.noise_shape, generator=torch.Generator().manual_seed(1))


def test_a_mix_plays_what_has_no_layers(ask: Asking) -> None:
    """One sound plays a reference, and a control of all of the loop that asks for no layers; layers play the rest."""
    reference = ask.audio(torch.zeros(2, 44_100).numpy(), 44_100)
    timbre = (Control(kind="timbre", target=reference),)
    assert mix_notes(request(layers=("mix",))) == ()
    assert mix_notes(request()) is None
    assert mix_notes(request(controls=(ask.intensity(),), layers=("drums",))) is None
    (note,) = mix_notes(request(controls=(ask.intensity(),))) or ("",)
    assert "intensity" in note
    (note,) = mix_notes(request(controls=timbre, layers=("drums",))) or ("",)
    assert "timbre" in note
    assert "layers" in note
    with pytest.raises(BadRequestError, match="stems"):
        mix_notes(request(controls=timbre, stems=True))


def test_what_conditioned_a_take_is_stored_as_in_earlier_takes(scenes: LayerScenes) -> None:
    """What was said and refused are two rows of word numbers; a text of an earlier build reads back to the letter."""
    stored = scenes.scene(request(prompt="house, warm", negative_prompt="bass")).conditioning
    said, refused = msgspec.json.decode(stored)["asked"]
    assert WORD_IDS["house"] in said
    assert refused
    earlier = (
        b'{"asked":[[1,4],[2]],"words":{"drums":[1,7]},"key":"A minor","chords":[["0","4",9,[0,4,9],9]],'
        b'"is_limited":false}'
    )
    found = msgspec.json.decode(earlier, type=LayerConditioning)
    assert (found.asked.said, found.asked.refused) == ((1, 4), (2,))
    assert msgspec.json.encode(found) == earlier


def test_a_scene_has_a_row_for_each_layer(trio: Scene) -> None:
    """Noise, words and identity are by layer, in order; the muted one is named, and the notes say what plays."""
    assert trio.layers == ("drums", "bass", "lead")
    assert trio.muted == ("lead",)
    assert trio.noise_shape == (3, trio.frames, CHANNELS)
    assert len(trio.inputs.conditional) == len(trio.inputs.layer) == len(trio.inputs.context) == 3
    assert any("drums, bass, lead" in note for note in trio.notes)


def test_layers_that_are_not_there_are_refused(scenes: LayerScenes, ask: Asking) -> None:
    """A control on such a layer and a loop of silence are refused in a sentence; a mute of one is only noted."""
    drums = scenes.arrange(request(), (Layer.DRUMS,))
    with pytest.raises(BadRequestError, match="lead"):
        scenes.scene(request(controls=(ask.intensity(on=("lead",)),)), drums)
    with pytest.raises(BadRequestError, match="muted"):
        scenes.scene(request(mute=("drums",)), drums)
    noted = scenes.scene(request(mute=("lead",)), drums)
    assert any("no lead" in note for note in noted.notes)


def test_chords_that_are_given_are_told_frame_by_frame(scenes: LayerScenes) -> None:
    """The first half of a bar of Am and F is A minor, the second F; the record writes them down."""
    scene = scenes.scene(request(layers=("bass",), chords="Am F", bars=1))
    assert scene.record["chords"] == "Am F |"
    spans = chord_spans("Am F", None, 1, Fraction(4))
    rows = chord_frames(spans, 4.0, 8)
    assert rows.shape == (8, CHORD_CHANNELS)
    assert [int(row[:12].argmax()) for row in rows] == [9] * 4 + [5] * 4
    assert bool((rows[:, CHORD_KNOWN] == 1).all())


@given(index=st.integers(0, 59), tonic=st.integers(0, 11), mode=st.sampled_from(sorted(MODES)))
def test_the_record_names_the_chords_that_were_told(
    repertoire: LayerRepertoire, index: int, tonic: int, mode: str
) -> None:
    """Whatever the repertoire plays, its text is read as the same notes over the same bass: none more, none fewer."""
    book, key, bar = repertoire.chords, Key(tonic, mode), Fraction(4)
    assume(book.tonal[index])
    spans = book.spans(index, key, int(book.bars[index]), bar)
    text = written(spans, int(book.bars[index]), bar)
    assert chord_spans(text, key, int(book.bars[index]), bar) == joined(spans)


def test_no_chord_asks_for_no_layer(scenes: LayerScenes) -> None:
    """`N.C.` alone has no layer that plays chords, unless it is named; chords that sound always have one."""
    layers = {
        chords: [scenes.scene(request(prompt="house", seed=seed, chords=chords, bars=1)).layers for seed in range(40)]
        for chords in ("", "N.C.", "Am N.C.")
    }
    assert any("chords" in each for each in layers[""])
    assert not any("chords" in each for each in layers["N.C."])
    assert all("chords" in each for each in layers["Am N.C."])


def test_a_part_of_a_scene_is_told_what_the_whole_was(trio: Scene) -> None:
    """Two layers keep their own rows; one alone is a scene as `Pocket` sees it; muted ones are heard when alone."""
    pair = only_layers(trio, ("bass", "lead"))
    assert pair.layers == ("bass", "lead")
    assert torch.equal(pair.inputs.conditional, trio.inputs.conditional[1:])
    assert only_layers(trio, ("lead",)).muted == ()
    alone = one_layer(trio, 1)
    assert alone.layers == ()
    assert alone.noise_shape == trio.noise_shape[1:]
    assert torch.equal(alone.inputs.conditional, trio.inputs.conditional[1:2])


def test_a_batch_repeats_what_layers_are_told(trio: Scene) -> None:
    """Rows come take by take, each take with all layers."""
    inputs = for_batch(trio.inputs, 2)
    assert len(inputs.conditional) == len(inputs.context) == 6
    assert torch.equal(inputs.layer[:3], inputs.layer[3:])


def test_powers_of_layers_add_and_muted_ones_do_not(pocket: Pocket, trio: Scene) -> None:
    """The sum is that of the bands of each; what is muted is in no sum, and gets no gradient."""
    latent = latents(trio).requires_grad_()
    bands = pocket.latent_map.decode(latent.detach())
    whole = band_power(summed(pocket.latent_map, latent.detach()))
    torch.testing.assert_close(whole, band_power(bands).sum(1), rtol=1e-3, atol=FLOOR)
    heard = LayerSounds(pocket).listen(latent, trio)
    (gradient,) = torch.autograd.grad(heard.power.sum(), latent)
    assert gradient[:, :2].any()
    assert not gradient[:, 2].any()
    assert audible(latent, trio).shape[1] == 2
    assert audible(latent, replace(trio, muted=())).shape[1] == 3


def test_only_the_layers_that_are_heard_get_a_gradient(pocket: Pocket, trio: Scene) -> None:
    """A control of the bass moves the bass alone; a layer that is not there is refused."""
    latent, sounds = latents(trio).requires_grad_(), LayerSounds(pocket)
    (gradient,) = torch.autograd.grad(sounds.listen_to(latent, trio, ("bass",)).power.sum(), latent)
    assert [bool(part.any()) for part in gradient[0]] == [False, True, False]
    with pytest.raises(BadRequestError, match="texture"):
        sounds.listen_to(latent, trio, ("texture",))


def test_stems_add_up_to_the_loop(pocket: Pocket, trio: Scene) -> None:
    """The loop is the sum of the stems that are not muted; a recording cannot be taken apart."""
    sounds, latent = LayerSounds(pocket), latents(trio)
    with torch.no_grad():
        stems, loop = sounds.stems(latent, trio), sounds.decode(latent, trio)
    assert stems.shape == (1, 3, 2, trio.model_samples)
    torch.testing.assert_close(loop, stems[:, :2].sum(1), rtol=0, atol=1e-6)
    with pytest.raises(ModelError, match="taken apart"):
        sounds.encode(loop, trio)
