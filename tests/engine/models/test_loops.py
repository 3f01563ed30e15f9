"""Loops: exact lengths, decoders and denoisers that close the circle, and what lies in time turning with it."""

from dataclasses import replace
from fractions import Fraction

import msgspec
import numpy as np
import pytest
import torch

from engine.audio.finish import finish
from engine.models.autoencoder import oobleck_context, same_context
from engine.models.circle import TimeCircle
from engine.models.protocol import Sampler
from engine.request import Audio, Budget, Control, Method
from engine.sampling import sample, start_noise
from engine.search import methods
from engine.search import minimize as optimize
from engine.search import objective as targets
from engine.search.surrogate import Chain
from midi.tempo import Meter

NAMES = ("stable-audio", "stable-audio-3-base", "ace-step-turbo", "audioldm2", "musicldm")
WAVEFORM_NAMES = NAMES[:3]


def looped(tiny, **changes):
    return tiny.request_for(loop=True, bars=2, **changes)


def turned(values: torch.Tensor, frames: int, axis: int) -> torch.Tensor:
    return values.roll(frames, axis)


@pytest.mark.parametrize("name", NAMES)
def test_a_fitting_loop_decodes_as_a_circle(name, models, tiny):
    """Turning the latent by k frames turns the waveform by k hops: there is no seam to hear."""
    model = models[name]
    scene = model.scene(looped(tiny))
    assert scene.circular
    assert scene.model_samples == scene.loop_samples == 400
    latent = torch.randn(1, *scene.noise_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        straight = model.decode(latent, scene)
        for frames in (1, 7, scene.frames - 2):
            around = model.decode(turned(latent, frames, 1 + scene.time_axis), scene)
            moved = turned(straight, frames * model.hop_samples, -1)
            assert (around - moved).abs().max() <= 2e-6 * straight.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_decode_is_no_circle(name, models, tiny):
    """The control of the test above: without the wrap, turning changes the sound."""
    model = models[name]
    scene = model.scene(tiny.request_for(bars=2))
    latent = torch.randn(1, *scene.noise_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        straight = model.decode(latent, scene)
        around = model.decode(turned(latent, 7, 1 + scene.time_axis), scene)
    assert (around - turned(straight, 7 * model.hop_samples, -1)).abs().max() > 1e-3 * straight.abs().max()


@pytest.mark.parametrize("name", ["audioldm2", "musicldm"])
def test_a_closed_u_net_knows_no_end(name, models, tiny):
    """The whole chain turns with its noise, by the frames that its deepest level sees as one."""
    model = models[name]
    scene = model.scene(looped(tiny))
    assert model.card.circular
    noise = start_noise(scene, 2)
    with torch.no_grad():
        straight = sample(model, scene, noise, model.schedule(4, scene), Sampler.DDIM)
        around = sample(model, scene, turned(noise, 6, 2), model.schedule(4, scene), Sampler.DDIM)
    assert (around - turned(straight, 6, 2)).abs().max() <= 1e-5 * straight.abs().max()


def test_a_circle_is_what_circular_padding_gives():
    """Closed convolutions equal explicit circular padding, strided ones too; open ones are untouched."""
    torch.manual_seed(0)
    for stride in (1, 2):
        conv = torch.nn.Conv2d(3, 4, 3, stride=stride, padding=1)
        values = torch.randn(1, 3, 12, 6)
        plain = conv(values)
        circle = TimeCircle(conv)
        assert torch.equal(conv(values), plain)
        padded = torch.nn.functional.pad(values, (0, 0, 1, 1), mode="circular")
        padded = torch.nn.functional.pad(padded, (1, 1, 0, 0))
        expected = torch.nn.functional.conv2d(padded, conv.weight, conv.bias, stride=stride)
        with circle.closed(True):
            closed = conv(values)
        assert (closed - expected).abs().max() <= 1e-6
        assert torch.equal(conv(values), plain)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("tempo_bpm", "bars", "meter"), [
    (Fraction("133.37"), 2, Meter(7, 8)), (Fraction(120), 4, Meter(4, 4)), (Fraction(174), 1, Meter(4, 4)),
])  # fmt: skip
def test_every_length_is_exact(name, models, tiny, tempo_bpm, bars, meter):
    """Whatever the tempo, the delivered loop has the producer's samples, stereo, at the set's rate."""
    model = models[name]
    request = tiny.request_for(loop=True, bars=bars, meter=meter, tempo_bpm=tempo_bpm, sample_rate=48_000)
    scene = model.scene(request)
    latent = torch.randn(1, *scene.noise_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        audio = model.decode(latent, scene)
    assert audio.shape == (1, 2, scene.model_samples)
    drift = scene.loop_samples / (request.seconds * model.card.sample_rate) - 1
    assert abs(drift) <= (0.002 if scene.circular else 0.5 / scene.loop_samples + 1e-9)
    if not scene.circular:
        assert scene.model_samples >= scene.loop_samples + 0.2 * model.card.sample_rate
        assert 0.1 * model.card.sample_rate <= scene.lead_samples <= scene.model_samples - scene.loop_samples
        assert scene.notes
    finished = finish(audio[0].numpy(), scene, request)
    assert finished.audio.shape == (2, request.samples)
    assert np.isfinite(finished.audio).all()


def between_frames(tiny, **changes):
    """Return a loop of 404 samples, fifty and a half frames: no whole number is within 0.2 % of it."""
    return looped(tiny, tempo_bpm=Fraction(4 * 60 * 400, 404), **changes)


@pytest.mark.parametrize("name", WAVEFORM_NAMES)
def test_a_trimmed_loop_is_heard_where_it_is_cut(name, models, tiny):
    """What a control hears is the delivered stretch and nothing else, and its ends are those of the piece around it."""
    model = models[name]
    request = between_frames(tiny)
    scene = model.scene(request)
    assert not scene.circular
    assert scene.closes
    noise = start_noise(scene, 1)
    with torch.no_grad():
        latent = sample(model, scene, noise, model.schedule(2, scene), Sampler.DDIM)
        audio, spectrum = model.decode(latent, scene), model.listen(latent, scene)
    end = scene.lead_samples + scene.loop_samples
    delivered = audio[..., scene.lead_samples : end]
    assert torch.equal(spectrum.power, model.hear(delivered, scene).power)
    assert spectrum.circular
    near = spectrum.ends.shape[-1] // 2
    assert torch.equal(spectrum.ends[0, :, near:], delivered.mean(1)[:, :near])
    assert torch.equal(spectrum.ends[1, :, :near], delivered.mean(1)[:, -near:])
    assert torch.equal(spectrum.ends[1, :, near:], audio[..., end : end + near].mean(1))
    delivered_at_8_khz = finish(audio[0].numpy(), scene, msgspec.structs.replace(request, sample_rate=8000)).audio
    assert delivered_at_8_khz.shape == (2, 20 * 404)


@pytest.mark.parametrize("name", WAVEFORM_NAMES)
def test_the_search_closes_a_trimmed_loop(name, models, tiny):
    """Nobody asked for anything: forty steps still bring the ends of a trimmed loop ten times nearer."""
    model = models[name]
    request = between_frames(tiny, method=Method.DITTO, budget=Budget(steps=40))
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    assert [goal.name for goal in objective.goals] == ["loop"]
    plan = replace(methods.plan(request, model, objective), decode=Chain(steps=4, sampler=Sampler.DDIM))
    plan = replace(plan, chain=plan.decode, step_size=replace(plan.step_size, learning_rate=0.1))
    steps = list(optimize.minimize(plan, objective, model, scene, start_noise(scene, 3)))
    assert steps[-1].losses["loop"] < 0.1 * steps[0].losses["loop"]


@pytest.mark.parametrize("name", ["stable-audio-3-base", "ace-step-turbo"])
def test_a_trimmed_loop_keeps_what_it_is_told_to(name, models, tiny):
    """An inpaint's reference lies on the loop, after the lead, for the model and for the loss."""
    kept = Control(kind="inpaint", target=reference(1.0, keep=((Fraction(0), Fraction(1)),)))
    model, request = models[name], between_frames(tiny, controls=(kept,))
    scene = model.scene(request)
    told = scene.inputs.kept[0, 0] if name.startswith("stable") else 1 - scene.inputs.context[0, :, -1]
    starts = torch.arange(scene.frames) * model.hop_samples - scene.lead_samples
    assert told.any()
    assert not told[starts < -model.hop_samples].any()
    noise = start_noise(scene, 3)
    with torch.no_grad():
        spectrum = model.listen(noise, scene)
        losses = targets.build(request, scene, model).losses(spectrum, noise)
    assert losses["inpaint"].isfinite().all()


@pytest.mark.parametrize(("ratios", "context"), [([2, 4, 4, 8, 8], 10), ([2, 4, 4, 6, 10], 9)])
def test_contexts_of_the_real_decoders_are_those_measured(ratios, context):
    """Stable Audio Open hears 9 to 10 latents each side, ACE-Step's decoder no more."""
    assert oobleck_context(ratios) == context


def test_same_hears_a_latent_a_layer():
    """SAME-L has 12 layers over a window of one latent, SAME-S 6."""
    assert same_context([12], [16], 1) == 12
    assert same_context([6], [16], 1) == 6


def reference(seconds: float, keep: tuple = ()) -> Audio:
    samples = np.random.default_rng(0).normal(0, 0.3, (round(8000 * seconds), 1)).astype("<f4")
    return Audio(samples=samples.tobytes(), sample_rate=8000, channels=1, keep=keep)


@pytest.mark.parametrize("name", ["stable-audio-3-base", "ace-step-base"])
def test_what_is_kept_is_told_to_the_model_and_turns_with_the_latent(name, models, tiny):
    """Inpaint inputs change the chain, and a chain turned by hand equals one whose inputs are turned."""
    model = models[name]
    kept = Control(kind="inpaint", target=reference(1.0, keep=((Fraction(0), Fraction(1)),)))
    told, free = (model.scene(looped(tiny, controls=controls)) for controls in ((kept,), ()))
    noise = start_noise(told, 3)
    schedule = model.schedule(4, told)
    with torch.no_grad():
        time = schedule.times[1]
        assert (model.denoise(noise, time, told) - model.denoise(noise, time, free)).abs().max() > 1e-4
        turn = model.rolled(told, 5)
    inputs = told.inputs.kept if hasattr(told.inputs, "kept") else told.inputs.context
    moved = turn.inputs.kept if hasattr(turn.inputs, "kept") else turn.inputs.context
    assert torch.equal(moved, inputs.roll(5, -1 if hasattr(told.inputs, "kept") else 1))


def test_guidance_momentum_runs_in_time_that_is_rolled(models, tiny):
    """ACE-Step's guidance gives the same chain twice, checkpointed or not, while the latent is rolled."""
    model = models["ace-step-base"]
    scene = model.scene(looped(tiny))
    gradients = []
    for checkpoint in (True, False, True):
        noise = start_noise(scene, 3).requires_grad_()
        latent = sample(model, scene, noise, model.schedule(4, scene), Sampler.DDIM, checkpoint=checkpoint)
        gradients.append(torch.autograd.grad(latent.square().mean(), noise)[0])
    assert torch.equal(gradients[0], gradients[2])
    assert (gradients[0] - gradients[1]).abs().max() <= 1e-7


def test_timbre_reference_is_told_to_ace_step(models, tiny):
    """A timbre reference changes what ACE-Step is told, silence being the default."""
    model = models["ace-step-turbo"]
    sounding = model.scene(tiny.request_for(controls=(Control(kind="timbre", target=reference(0.7)),)))
    silent = model.scene(tiny.request_for())
    assert (sounding.inputs.conditional - silent.inputs.conditional).abs().max() > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_encoding_a_loop_is_a_circle_where_the_encoder_allows(name, models, tiny):
    """Latents of a turned loop are the turned latents; the image encoder's strides know an end."""
    model = models[name]
    scene = model.scene(looped(tiny))
    audio = torch.randn(1, 2, scene.model_samples, generator=torch.Generator().manual_seed(2)) * 0.3
    latent = model.encode(audio, scene)
    assert latent.shape[1:] == scene.noise_shape
    if name in WAVEFORM_NAMES:
        around = model.encode(audio.roll(3 * model.hop_samples, -1), scene)
        assert (around - turned(latent, 3, 1 + scene.time_axis)).abs().max() <= 1e-5 * latent.abs().max()


@pytest.mark.parametrize("name", WAVEFORM_NAMES)
def test_encoding_in_tiles_is_the_pipelines_own(name, models, tiny):
    """A long piece is encoded tile by tile, with the latents that its autoencoder gives in one go."""
    model, vae = models[name], tiny.build(name).vae
    scene = model.scene(tiny.request_for(bars=12))
    assert scene.frames > 2 * 128
    audio = torch.randn(1, 2, scene.model_samples, generator=torch.Generator().manual_seed(2)) * 0.3
    with torch.no_grad():
        encoded = vae.encode(audio)
    whole = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    whole = whole.transpose(1, 2) if scene.time_axis == 0 else whole
    assert (model.encode(audio, scene) - whole).abs().max() <= 1e-5 * whole.abs().max()
