"""Every adapter against the pipeline that it stands for, and against the mathematics."""

import json
from fractions import Fraction

import numpy as np
import pytest
import torch

from engine.errors import ModelError
from engine.events import Take
from engine.models import catalogue
from engine.models.protocol import Model, Scene
from engine.models.span import caption, samples_of
from engine.pipeline import make_loop
from engine.request import Audio, Budget, Control, Curve, Point
from engine.sampling import sample, start_noise
from engine.settings import Settings

NAMES = (
    "stable-audio", "stable-audio-3-base", "stable-audio-3", "ace-step-turbo", "ace-step-base", "audioldm2", "musicldm",
)  # fmt: skip
STEPS = 8
GRADIENT_BAR = {"stable-audio-3": 1e-3}  # the renoising chain's; 1e-5 for all others
pytestmark = pytest.mark.filterwarnings("ignore:.*:FutureWarning:diffusers")


def make(
    model: Model, scene: Scene, noise: torch.Tensor, *, steps: int = STEPS, checkpoint: bool = True
) -> torch.Tensor:
    """Return the latent of `noise` by the model's own sampler."""
    return sample(model, scene, noise, model.schedule(steps, scene), model.card.sampler, checkpoint=checkpoint)


def loss_of(model: Model, scene: Scene, latent: torch.Tensor) -> torch.Tensor:
    """Return level and waveform, every sample of it, as one number."""
    audio = model.decode(latent, scene)
    ramp = torch.linspace(0.5, 1.5, audio.shape[-1], dtype=audio.dtype)
    return model.listen(latent, scene).level_db.mean() + (audio * ramp).mean()


def pipeline_latent(tiny, name: str, noise: torch.Tensor, pipe=None, **given) -> torch.Tensor:
    """Return what the pipeline itself makes of `noise`, with other settings where some are `given`."""
    pipe, request = pipe or tiny.build(name), tiny.request_for()
    pipe.set_progress_bar_config(disable=True)
    words, common = caption(request), {"latents": noise, "num_inference_steps": STEPS, "output_type": "latent"} | given
    if name == "stable-audio":
        pipe.scheduler = noise_free_scheduler()
        return pipe(words, audio_end_in_s=0.5, **common).audios
    if name == "stable-audio-3-base":
        return pipe(words, duration=0.5, **{"guidance_scale": 7.0} | common).audios
    if name == "stable-audio-3":
        common["latents"] = noise.chunk(STEPS, 1)[0]
        return pipe(words, duration=0.5, generator=Replay(noise.chunk(STEPS, 1)[1:]), **common).audios
    if name.startswith("ace-step"):
        return pipe(request.prompt, lyrics="[Instrumental]", audio_duration=0.5, bpm=240, timesignature="2",
                    **{"guidance_scale": 7.0} | common).audios  # fmt: skip
    if name == "musicldm":
        without, within = clap_embeddings(pipe, ["", words])
        return pipe(prompt_embeds=within, negative_prompt_embeds=without, audio_length_in_s=0.5, **common).audios
    return pipe(words, negative_prompt="", audio_length_in_s=0.5, **common).audios


def noise_free_scheduler():
    """Return diffusers' own DPM-Solver++(2M) for EDM models, with the time that Stable Audio was trained on."""
    from diffusers import EDMDPMSolverMultistepScheduler

    class Cosine(EDMDPMSolverMultistepScheduler):
        def precondition_noise(self, sigma):
            return torch.as_tensor(sigma).atan() * 2 / torch.pi

    return Cosine(sigma_min=0.3, sigma_max=500, sigma_data=1.0, sigma_schedule="exponential",
                  prediction_type="v_prediction")  # fmt: skip


class Replay:
    """In a generator's place: noises drawn before; see `frozen_noise`."""

    def __init__(self, noises) -> None:
        self.noises = list(noises)


@pytest.fixture
def frozen_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the renoising scheduler take the noises of a `Replay` in turn, zeros when there are no more."""
    from diffusers.schedulers import scheduling_flow_match_euler_discrete as module

    def replay(shape, generator, **_):
        return generator.noises.pop(0) if generator.noises else torch.zeros(shape)

    monkeypatch.setattr(module, "randn_tensor", replay)


def clap_embeddings(pipe, texts):
    tokens = pipe.tokenizer(texts, padding="max_length", max_length=40, truncation=True, return_tensors="pt")
    return pipe.text_encoder.get_text_features(**tokens).pooler_output.detach()[:, None].unbind(0)


@pytest.mark.usefixtures("frozen_noise")
@pytest.mark.parametrize("name", NAMES)
def test_our_chain_ends_where_the_pipeline_ends(name, folders, tiny):
    """In float64 the latent differs from the pipeline's own by at most 1e-5, whatever its size, from the same noise.

    What is left is a grid of times or of noise levels that a pipeline keeps in float32, and that we keep as it is.
    """
    model, pipe = tiny.exact_model(name, folders[name]), tiny.build(name)
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.double()
    with tiny.true_float64():
        scene = model.scene(tiny.request_for())
        noise = start_noise(scene, 5).double()
        with torch.no_grad():
            ours = make(model, scene, noise)
        theirs = pipeline_latent(tiny, name, noise, pipe)
    assert ours.dtype == theirs.dtype == torch.float64
    assert ours.std() > 0.1
    assert (ours - theirs).abs().max() <= 1e-5


@pytest.mark.usefixtures("frozen_noise")
@pytest.mark.parametrize("name", NAMES)
def test_our_chain_ends_there_in_single_precision_too(name, models, tiny):
    """In float32, as it is used, the difference is at most 1e-5 for latents of a size that music has.

    An untrained U-Net does not know the noise that it is asked for, so 1 / alpha_T blows its latents up to 84, where
    the nearest float32 numbers are 8e-6 apart: AudioLDM2 and MusicLDM are held to 1e-5 of that size here.
    """
    model = models[name]
    scene = model.scene(tiny.request_for())
    noise = start_noise(scene, 5)
    with torch.no_grad():
        ours = make(model, scene, noise)
    theirs = pipeline_latent(tiny, name, noise)
    size = theirs.abs().max() if name in ("audioldm2", "musicldm") else 1.0
    assert ours.std() > 0.1
    assert (ours - theirs).abs().max() <= 1e-5 * size


@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("name", ["stable-audio", "stable-audio-3-base", "ace-step-base", "audioldm2", "musicldm"])
def test_guidance_of_any_scale_is_the_pipelines_own(name, scale, models, tiny, monkeypatch):
    """With a scale of 1 the denoiser runs once, as in the pipelines, and for three takes at once as for each."""
    model = models[name]
    monkeypatch.setattr(model, "guidance", scale)
    scene = model.scene(tiny.request_for())
    noise = start_noise(scene, 5, count=3)
    with torch.no_grad():
        ours = make(model, scene, noise)
    theirs = torch.cat([pipeline_latent(tiny, name, one, guidance_scale=scale) for one in noise.split(1)])
    size = theirs.abs().max() if name in ("audioldm2", "musicldm") else 1.0  # see the test of single precision
    assert (ours - theirs).abs().max() <= 1e-5 * size


@pytest.mark.parametrize("changed", [
    {"prediction_type": "v_prediction"}, {"prediction_type": "sample"}, {"timestep_spacing": "trailing"},
    {"prediction_type": "v_prediction", "timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
    {"clip_sample": True}, {"scheduler": "PNDMScheduler"}, {"scheduler": "DDPMScheduler"},
])  # fmt: skip
@pytest.mark.parametrize("name", ["audioldm2", "musicldm"])
def test_another_scheduler_in_the_folder_keeps_its_noise_schedule(name, changed, tiny, tmp_path):
    """What the network predicts and at which noise levels is the folder's; the solver is always DDIM, unclipped."""
    import diffusers

    pipe, settings = tiny.build(name), dict(changed)
    kind = getattr(diffusers, settings.pop("scheduler", "DDIMScheduler"))
    pipe.scheduler = kind.from_config(pipe.scheduler.config, **settings)
    pipe.save_pretrained(tmp_path / "mine")
    model = catalogue.load("mine", Settings(models=tmp_path, device="cpu", dtype="float32"))
    scene = model.scene(tiny.request_for())
    noise = start_noise(scene, 5)
    with torch.no_grad():
        ours = make(model, scene, noise)
    theirs = tiny.build(name)
    theirs.scheduler = diffusers.DDIMScheduler.from_config(pipe.scheduler.config, clip_sample=False)
    expected = pipeline_latent(tiny, name, noise, theirs)
    assert (ours - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_a_scheduler_without_a_schedule_of_noise_is_refused(tiny, tmp_path):
    """A rectified flow's has other numbers, and DDIM would go on with its own."""
    tiny.save("musicldm", tmp_path / "mine")
    wrong = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": 1.0}
    (tmp_path / "mine" / "scheduler" / "scheduler_config.json").write_text(json.dumps(wrong))
    index = json.loads((tmp_path / "mine" / "model_index.json").read_text())
    index["scheduler"] = ["diffusers", wrong["_class_name"]]
    (tmp_path / "mine" / "model_index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="FlowMatchEulerDiscreteScheduler, which has no betas"):
        catalogue.load("mine", Settings(models=tmp_path, device="cpu"))


@pytest.mark.parametrize("name", ["stable-audio", "stable-audio-3-base", "audioldm2"])
def test_a_negative_prompt_is_the_pipelines_own(name, models, tiny):
    """What is not wanted takes the place of nothing in the guidance."""
    model, pipe = models[name], tiny.build(name)
    pipe.set_progress_bar_config(disable=True)
    request = tiny.request_for(negative_prompt="noise")
    scene = model.scene(request)
    noise = start_noise(scene, 5)
    with torch.no_grad():
        ours = make(model, scene, noise)
    words = {"negative_prompt": "noise", "latents": noise, "num_inference_steps": STEPS, "output_type": "latent"}
    if name == "stable-audio":
        pipe.scheduler = noise_free_scheduler()
        words["audio_end_in_s"] = 0.5
    elif name == "audioldm2":
        words["audio_length_in_s"] = 0.5
    else:
        words |= {"duration": 0.5, "guidance_scale": 7.0}
    theirs = pipe(caption(request), **words).audios
    size = theirs.abs().max() if name == "audioldm2" else 1.0  # see the test of single precision
    assert (ours - theirs).abs().max() <= 1e-5 * size


@pytest.mark.usefixtures("frozen_noise")
def test_inpainting_inputs_are_the_pipelines_own(models, tiny):
    """Stable Audio 3 is told what is kept, and where, as its inpainting pipeline tells it."""
    from diffusers import StableAudio3InpaintPipeline

    name, model = "stable-audio-3", models["stable-audio-3"]
    wave = np.random.default_rng(1).normal(0, 0.3, (200, 2)).astype("<f4")
    audio = Audio(samples=wave.tobytes(), sample_rate=8000, channels=2, keep=((Fraction(0), Fraction(2)),))
    pipe = StableAudio3InpaintPipeline(**tiny.build(name).components)
    pipe.set_progress_bar_config(disable=True)
    request = tiny.request_for(controls=(Control(kind="inpaint", target=audio),))
    scene = model.scene(request)
    noises = start_noise(scene, 5).chunk(STEPS, 1)
    with torch.no_grad():
        ours = make(model, scene, torch.cat(noises, 1))
    heard = samples_of(audio, 400, 2, scene.model_samples)
    kept = scene.inputs.kept[:, :1]
    assert 0 < kept.mean() < 1
    theirs = pipe(caption(request), duration=0.5, audio=heard, mask=kept, generator=Replay(noises[1:]),
                  latents=noises[0], num_inference_steps=STEPS, output_type="latent").audios  # fmt: skip
    assert (ours - theirs).abs().max() <= 1e-5


def _sound(seconds: float, **fields) -> Audio:
    wave = np.random.default_rng(1).normal(0, 0.3, (round(8000 * seconds), 2)).astype("<f4")
    return Audio(samples=wave.tobytes(), sample_rate=8000, channels=2, **fields)


@pytest.fixture
def modes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pipelines take the mode of a posterior, as we do, where they draw from it."""
    from diffusers.models.autoencoders import autoencoder_oobleck as module

    posterior = module.OobleckDiagonalGaussianDistribution
    monkeypatch.setattr(posterior, "sample", lambda self, generator=None: self.mode())


@pytest.mark.usefixtures("modes")
@pytest.mark.parametrize("name", ["ace-step-turbo", "ace-step-base"])
def test_repainting_is_the_pipelines_own(name, models, tiny):
    """ACE-Step is told what is kept, and by which instruction, as its pipeline tells it."""
    model = models[name]
    request = tiny.request_for(controls=(Control(kind="inpaint", target=_sound(0.5, keep=((0, 1),))),))
    scene = model.scene(request)
    noise = start_noise(scene, 5)
    with torch.no_grad():
        ours = make(model, scene, noise)
    made = scene.inputs.context[0, :, -1]
    assert 0 < made.mean() < 1
    theirs = pipeline_latent(
        tiny, name, noise, task_type="repaint", repainting_start=float(made.argmax()) * 8 / 400, repainting_end=-1,
        src_audio=samples_of(request.controls[0].target, 400, 2, scene.model_samples)[0],
    )  # fmt: skip
    assert (ours - theirs).abs().max() <= 1e-5


@pytest.mark.usefixtures("modes")
@pytest.mark.parametrize("seconds", [0.3, 12, 20, 31, 50])
def test_a_timbre_reference_is_the_pipelines_own(seconds, models, tiny):
    """Ten seconds each of its beginning, middle and end; a short one is repeated."""
    model, sound = models["ace-step-turbo"], _sound(seconds)
    heard = samples_of(sound, 400, 2, round(400 * seconds))[0]
    ours = model._timbre(tiny.request_for(controls=(Control(kind="timbre", target=sound),)))
    theirs, _ = tiny.build("ace-step-turbo").prepare_reference_audio_latents(
        heard, 1, torch.device("cpu"), torch.float32
    )
    assert (ours - theirs).abs().max() <= 1e-5


@pytest.mark.parametrize(("name", "method"), [
    *((name, "ditto2") for name in NAMES),
    *((name, method) for name in ("stable-audio-3", "ace-step-base") for method in ("ditto-paper", "guidance")),
])  # fmt: skip
def test_the_whole_flow_makes_a_loop(name, method, models, tiny):
    """From a request with a curve to a stereo loop of the producer's length, by every method."""
    curve = Curve(points=(Point(beat=Fraction(0), value=-30.0), Point(beat=Fraction(4), value=-20.0)))
    request = tiny.request_for(
        bars=2, loop=True, method=method, controls=(Control(kind="intensity", target=curve),), budget=Budget(steps=2),
    )  # fmt: skip
    events = list(make_loop(request, models[name], Settings(device="cpu")))
    (take,) = [event for event in events if isinstance(event, Take)]
    assert np.isfinite(np.frombuffer(take.sound.samples, "<f4")).all()
    assert len(take.sound.samples) == 8 * request.samples
    assert take.scores["intensity_rho"] is not None


@pytest.mark.parametrize("name", NAMES)
def test_decoding_is_the_pipelines_own(name, models, tiny):
    """Without a loop the waveform is what the pipeline's decoder makes of the latent, tile by tile or whole."""
    model, pipe = models[name], tiny.build(name)
    scene = model.scene(tiny.request_for(bars=4))
    latent = make(model, scene, start_noise(scene, 1), steps=8).detach()
    with torch.no_grad():
        ours = model.decode(latent, scene)
        if hasattr(pipe, "vocoder"):
            theirs = pipe.vocoder(pipe.vae.decode(latent / 0.9).sample.squeeze(1))[:, None]
        else:
            theirs = pipe.vae.decode(latent.transpose(1, 2) if name.startswith("ace") else latent).sample
    assert ours.std() > 1e-3
    assert (ours - theirs[..., : scene.model_samples]).abs().max() <= 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_finite_differences(name, folders, tiny):
    """Along random directions the gradient at x_T equals central differences in float64."""
    torch.manual_seed(0)
    model = tiny.exact_model(name, folders[name])
    with tiny.true_float64():
        scene = model.scene(tiny.request_for())
        noise = start_noise(scene, 2).double().requires_grad_()

        def loss(x: torch.Tensor) -> torch.Tensor:
            return loss_of(model, scene, make(model, scene, x))

        (gradient,) = torch.autograd.grad(loss(noise), noise)
        for _ in range(3):
            direction = torch.randn_like(noise)
            with torch.no_grad():
                difference = (loss(noise + 1e-5 * direction) - loss(noise - 1e-5 * direction)) / 2e-5
            expected = (gradient * direction).sum()
            assert expected.abs() > 1e-6
            assert (difference / expected - 1).abs() <= GRADIENT_BAR.get(name, 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_checkpointing_changes_nothing_and_every_frame_is_heard(name, models, tiny):
    """The checkpointed gradient is the plain one, and no latent frame is without influence."""
    model = models[name]
    scene = model.scene(tiny.request_for())
    gradients = []
    for checkpoint in (False, True):
        noise = start_noise(scene, 3).requires_grad_()
        loss_of(model, scene, make(model, scene, noise, checkpoint=checkpoint)).backward()
        gradients.append(noise.grad)
    plain, checkpointed = gradients
    assert torch.equal(plain, checkpointed)
    frames = plain.movedim(1 + scene.time_axis, 1).flatten(2).abs().amax((0, 2))
    assert frames.shape == (scene.frames,)
    assert (frames > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_twenty_steps_halve_an_intensity_loss(name, models, tiny):
    """Adam on the noise brings the level of the waveform towards a curve, in twenty steps or fewer."""
    model = models[name]
    scene = model.scene(tiny.request_for())
    steps = STEPS if model.card.sampler == "renoise" else STEPS // 2
    noise = start_noise(scene, 4).requires_grad_()
    with torch.no_grad():
        level = model.listen(make(model, scene, noise, steps=steps), scene).level_db
    target = level + torch.linspace(-3, 3, level.shape[1])
    optimizer = torch.optim.Adam([noise], lr=2 * model.card.learning_rate)
    losses = []
    for _ in range(21):
        optimizer.zero_grad()
        spectrum = model.listen(make(model, scene, noise, steps=steps), scene)
        loss = (spectrum.level_db - target).square().mean()
        losses.append(loss.item())
        if losses[-1] <= losses[0] / 2:
            break
        loss.backward()
        optimizer.step()
    assert losses[-1] <= losses[0] / 2, np.round(losses, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_its_takes(name, models, tiny):
    """Two takes at once are the two takes alone."""
    model = models[name]
    scene = model.scene(tiny.request_for())
    noise = start_noise(scene, 6, count=2)
    with torch.no_grad():
        both = model.decode(make(model, scene, noise), scene)
        apart = [model.decode(make(model, scene, one), scene) for one in noise.split(1)]
    assert both.shape == (2, model.card.channels, scene.model_samples)
    assert (both - torch.cat(apart)).abs().max() <= 1e-5
