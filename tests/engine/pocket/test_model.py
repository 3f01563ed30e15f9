"""`pocket` as a model: a circle in musical time, of any metre, with words it knows and words it reports."""

import copy
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.controls.reference import on_the_loop
from engine.models.protocol import Model, Sampler, Scene
from engine.pocket import condition, musical_time
from engine.pocket.bands import latent_frames
from engine.pocket.controls import ControlInputs
from engine.pocket.model import Pocket, load_pocket
from engine.pocket.network import CONTROL_CHANNELS
from engine.request import Audio, Control, Curve, LoopRequest, Point
from engine.sampling import sample, start_noise
from engine.search import objective as targets
from engine.settings import Settings
from engine.training.inputs import fitted
from midi.tempo import Meter


def request(**changes: object) -> LoopRequest:
    return LoopRequest(prompt="dusty boom bap, rhodes, zibbledy", bars=1, **changes)  # type: ignore[arg-type]


def test_it_is_a_model(pocket: Pocket) -> None:
    """It has everything that the protocol names."""
    assert isinstance(pocket, Model)


def test_unknown_words_are_said(pocket: Pocket) -> None:
    """A word outside the vocabulary is named, the others count."""
    scene = pocket.scene(request())
    assert any("zibbledy" in note for note in scene.notes)
    assert scene.inputs.conditional[0, : condition.WORD_SLOTS].sum() >= 2
    assert "zibbledy" in str(scene.record["heard"])


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_processor_computes_in_what_it_multiplies(
    monkeypatch: pytest.MonkeyPatch, native: bool, dtype: torch.dtype
) -> None:
    """Where bfloat16 is not native it takes a hundred times as long, so it is taken only where it is."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert load_pocket(Settings(device="cpu")).dtype is dtype


@pytest.mark.parametrize(("prompt", "lufs"), [("house", -17), ("quiet ambient pad", -24), ("loud techno", -11)])
def test_words_say_how_loud_a_loop_comes(pocket: Pocket, prompt: str, lufs: float) -> None:
    """Loops come at one loudness unless the prompt asks for another."""
    assert pocket.scene(LoopRequest(prompt=prompt)).loudness_lufs == lufs


@given(
    num=st.sampled_from([3, 4, 5, 6, 7]),
    den=st.sampled_from([4, 8]),
    bars=st.integers(1, 16),
    tempo=st.integers(20, 400),
)
@settings(max_examples=25)
def test_any_loop_is_laid_on_whole_frames(pocket: Pocket, num: int, den: int, bars: int, tempo: int) -> None:
    """Every metre, tempo and length gets whole pieces of whole frames, and exactly the loop's samples."""
    asked = LoopRequest(meter=Meter(num, den), bars=bars, tempo_bpm=Fraction(tempo))
    scene = pocket.scene(asked)
    assert scene.model_samples == asked.samples
    assert scene.frames % scene.inputs.pieces == 0
    assert scene.inputs.phases.shape[1] * scene.inputs.pieces == scene.frames
    assert abs(scene.model_samples / scene.frames / 1024 - 1) < 0.5 or scene.model_samples < 16_384


def test_turning_noise_and_phases_turns_the_spectrogram(pocket: Pocket) -> None:
    """There is no beginning: rotate the noise and the musical phase, and the spectrogram rotates."""
    scene = pocket.scene(request())
    noise = start_noise(scene, 5)
    turned_inputs = type(scene.inputs)(
        conditional=scene.inputs.conditional,
        unconditional=scene.inputs.unconditional,
        phases=scene.inputs.phases.roll(7, 1),
        pieces=1,
        said=scene.inputs.said,
        avoided=False,
    )
    turned_scene = type(scene)(**{**{name: getattr(scene, name) for name in scene.__slots__}, "inputs": turned_inputs})
    grid = pocket.schedule(3, scene)
    with torch.no_grad():
        straight = sample(pocket, scene, noise, grid, "trajectory")
        turned = sample(pocket, turned_scene, noise.roll(7, 1), grid, "trajectory")
    heard, heard_turned = pocket.listen(straight, scene).power, pocket.listen(turned, scene).power
    assert torch.allclose(heard.roll(14, -1), heard_turned, rtol=1e-3, atol=1e-9)


def test_a_chain_computes_where_the_model_is(pocket: Pocket) -> None:
    """Nothing of it stays behind on the processor: a device without numbers refuses to mix as a GPU does."""
    elsewhere = Pocket(copy.deepcopy(pocket.network), pocket.latent_map, device=torch.device("meta"))
    scene = elsewhere.scene(request())
    noise = start_noise(scene, 1).to("meta")
    with torch.no_grad():
        for sampler, steps in ((Sampler.TRAJECTORY, 2), (Sampler.DDIM, 3)):
            latent = sample(elsewhere, scene, noise, elsewhere.schedule(steps, scene), sampler, checkpoint=False)
            assert latent.device.type == "meta"
            assert latent.shape == noise.shape


def test_the_gradient_reaches_every_frame_of_the_noise(pocket: Pocket) -> None:
    """No frame of x_T is without a say in what is heard."""
    scene = pocket.scene(request())
    noise = start_noise(scene, 1).requires_grad_()
    latent = sample(pocket, scene, noise, pocket.schedule(2, scene), "trajectory")
    pocket.listen(latent, scene).level_db.sum().backward()
    assert noise.grad is not None
    assert (noise.grad.abs().sum(-1) > 0).all()


def test_long_loops_are_made_in_pieces_that_overlap(pocket: Pocket) -> None:
    """A loop longer than one piece still answers smoothly: no frame depends on one piece's edge alone."""
    asked = LoopRequest(bars=16, tempo_bpm=Fraction(60))
    scene = pocket.scene(asked)
    assert scene.inputs.pieces > 1
    clean = pocket.denoise(start_noise(scene, 0), torch.tensor(0.5, dtype=torch.float64), scene)
    assert clean.shape == (1, *scene.noise_shape)
    assert torch.isfinite(clean).all()


def test_fast_and_slow_tempi_become_half_and_double_time(pocket: Pocket) -> None:
    """Outside what it was trained on, pocket says at which tempo it plays."""
    assert any("100 BPM" in note for note in pocket.scene(LoopRequest(tempo_bpm=Fraction(200))).notes)
    assert any("80 BPM" in note for note in pocket.scene(LoopRequest(tempo_bpm=Fraction(40))).notes)


def test_control_inputs_are_shown_only_to_the_model_that_is_told(pocket: Pocket) -> None:
    """The bars hold with the inputs off: only the told variant ever sees the request's curve."""
    curve = Curve(points=(Point(Fraction(0), -30.0), Point(Fraction(4), -12.0)))
    asked = LoopRequest(bars=1, controls=(Control(kind="intensity", target=curve),))
    told = Pocket(pocket.network, pocket.latent_map, inputs=ControlInputs.ALL)
    assert pocket.scene(asked).inputs.controls is None
    shown = told.scene(asked).inputs.controls
    assert shown.shape == (1, told.scene(asked).frames, CONTROL_CHANNELS)
    assert float(shown[0, 0, 0]) < float(shown[0, -1, 0])
    assert float(shown[..., 2:].abs().sum()) == 0


@pytest.mark.parametrize("beats", [Fraction(4), Fraction(3), Fraction(7, 2), Fraction(5)])
def test_musical_phases_close_at_the_wrap(beats: Fraction) -> None:
    """The step over the wrap is no larger than the largest inside, in odd metres at their own barlines."""
    phases = musical_time.phases(160, 2, beats)
    steps = (phases.roll(-1, 0) - phases).norm(dim=1)
    assert steps[-1] <= steps[:-1].max() + 1e-5


def test_latents_keep_what_the_bands_say() -> None:
    """The linear map returns bands of its own span exactly, and orders them by their variance."""
    bands = torch.randn(600, 8) @ torch.randn(8, 295)
    latent_map = fitted(bands, channels=32)
    again = latent_map.decode(latent_map.encode(bands))
    assert torch.allclose(again, bands, atol=2e-2)


def test_lengths_are_multiples_that_a_batch_can_share() -> None:
    """Loop lengths fall on multiples of eight latents, the shortest too."""
    assert {latent_frames(n) % 8 for n in range(2_000, 900_000, 7_777)} == {0}


@given(first=st.integers(0, 3), beats=st.integers(1, 4))
@settings(max_examples=10)
def test_what_is_kept_is_what_the_codec_makes_of_it(pocket: Pocket, first: int, beats: int) -> None:
    """Inpainting leaves the kept beats as the codec alone would, and touches no frame outside them."""
    sound = torch.randn(2 * 88_200, generator=torch.Generator().manual_seed(2)).numpy() * 0.1
    last = min(first + beats, 4)
    target = Audio(samples=sound.astype("<f4").tobytes(), sample_rate=44_100, channels=2,
                   keep=((Fraction(first), Fraction(last)),))  # fmt: skip
    asked = request(tempo_bpm=Fraction(120), controls=(Control(kind="inpaint", target=target),))
    scene = pocket.scene(asked)
    made = start_noise(scene, 4)
    written = targets.build(asked, scene, pocket).with_kept_frames(made)
    known = pocket.encode(on_the_loop(target, pocket, scene), scene)
    beat = torch.arange(scene.frames) * 4 / scene.frames
    inside = (beat >= first) & (beat < last)
    torch.testing.assert_close(written[:, inside], known[:, inside])
    assert torch.equal(written[:, ~inside], made[:, ~inside])


def test_what_was_answered_last_is_not_computed_again(pocket: Pocket) -> None:
    """A take that is redrawn was heard when it was made; another noise, prompt or jump is another question."""
    one, two = (pocket.scene(LoopRequest(prompt=prompt, bars=1)) for prompt in ("house", "techno"))
    times = pocket.schedule(2, one).times
    asked = []
    watched = pocket.network.register_forward_hook(lambda *_: asked.append(1))

    def answer(seed: int, scene: Scene, i: int) -> torch.Tensor:
        return pocket.denoise(start_noise(scene, seed), times[i], scene, until=times[2])

    with torch.no_grad():
        first = answer(31, one, 0)
        others = [answer(32, one, 0), answer(31, two, 0), answer(31, one, 1)]
        assert len(asked) == 4
        assert torch.equal(answer(31, one, 0), first)
        assert len(asked) == 4
    assert all(not torch.equal(other, first) for other in others)
    watched.remove()


def test_a_loop_is_compared_with_its_own_free_loop() -> None:
    """Without a control the distance is nothing; the last free loop is kept, and never taken for another seed's."""
    pocket = load_pocket(Settings())
    scene = pocket.scene(request())
    noises = [start_noise(scene, seed) for seed in (1, 2)]
    schedule = pocket.schedule(pocket.card.decode_steps, scene)
    with torch.no_grad():
        loops = [sample(pocket, scene, noise, schedule, pocket.card.sampler, checkpoint=False) for noise in noises]
    found = [pocket.embedding_distance(loop, noise, scene) for noise in (noises[0], *noises) for loop in loops]
    assert found[0] == found[2] == pytest.approx(0, abs=1e-4)
    assert found[1] == found[3] == pytest.approx(found[4], rel=1e-3)
    assert found[5] == pytest.approx(0, abs=1e-4)
    assert found[1] is not None
    assert found[1] > 0.05
    said = pocket.scene(LoopRequest(prompt="ambient, choir pad", bars=1))
    assert pocket.embedding_distance(loops[1], noises[1], said) != pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("tempo", ["92.4", "93.5", "133.37", "80.1", "99.9", "120"])
def test_a_tempo_that_is_played_as_asked_is_not_remarked_upon(pocket: Pocket, tempo: str) -> None:
    """Trial 24: a decimal tempo within the model's range is no other tempo, whatever a float makes of it."""
    assert not any("BPM" in note for note in pocket.scene(LoopRequest(tempo_bpm=Fraction(tempo))).notes)
