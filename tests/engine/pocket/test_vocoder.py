"""The vocoder: nothing until it is trained, turns with the loop, and the one that ships mends what it is there for."""

import numpy as np
import pytest
import torch

from benchmarks.quality.evaluation.sound import log_mel_error_db
from engine.pocket.bands import SAMPLE_RATE, latent_frames, log_bands
from engine.pocket.model import Pocket, load_pocket
from engine.pocket.sound import waveform
from engine.pocket.waveform import vocoder
from engine.pocket.waveform.vocoder import LINE_FRAMES, Vocoder
from engine.request import LoopRequest
from engine.sampling import start_noise
from engine.settings import Settings
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import render

HOP = 512


@pytest.fixture(scope="module")
def shipped() -> Pocket:
    """Return `pocket` as it ships."""
    return load_pocket(Settings())


def mended(network: Vocoder, log_power: torch.Tensor, wave: torch.Tensor) -> torch.Tensor:
    """Return `wave` [2, samples], mid and side, as `network` mends it."""
    with torch.no_grad():
        found: torch.Tensor = network(log_power[None], wave[None])[0]
    return found


def _sound(frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    wave = 0.1 * torch.randn(2, frames * HOP, generator=generator)
    return log_bands(wave, frames), wave


def _disturbed() -> Vocoder:
    torch.manual_seed(0)
    network = Vocoder()
    for layer in (network.bands, network.levels, network.lines.last):
        torch.nn.init.normal_(layer.weight, std=0.02)
    return network.eval()


def test_an_untrained_vocoder_changes_nothing() -> None:
    """All three masks begin as the identity, to the last bit."""
    log_power, wave = _sound(64)
    assert torch.equal(mended(Vocoder(), log_power, wave), wave)


def test_turning_bands_and_wave_turns_what_comes_out() -> None:
    """Time is a circle for it, too."""
    log_power, wave = _sound(96)
    turn = 5 * LINE_FRAMES
    straight = mended(_disturbed(), log_power, wave)
    turned = mended(_disturbed(), log_power.roll(turn, 0), wave.roll(turn * HOP, -1))
    assert (straight - wave).abs().max() > 1e-3
    torch.testing.assert_close(turned, straight.roll(turn * HOP, -1), atol=1e-5, rtol=0)


def test_lines_are_mended_alike_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a processor they go a few at a time; each still hears the line before and the line after it."""
    log_power, wave = _sound(96)
    found = []
    for at_once in (1, 5, 1_000):
        monkeypatch.setattr(vocoder, "LINES_AT_ONCE", at_once)
        found.append(mended(_disturbed(), log_power, wave))
    assert all(torch.allclose(one, found[-1], atol=1e-6) for one in found)


def test_a_mended_loop_has_no_offset_and_any_length() -> None:
    """Hops may be fractional, and what is added has no constant part."""
    wave = 0.1 * torch.randn(2, 40_123)
    wave = wave - wave.mean(-1, keepdim=True)
    heard = mended(_disturbed(), log_bands(wave, 80), wave)
    assert heard.shape == wave.shape
    assert float(heard.mean(-1).abs().max()) < 1e-6


def test_what_ships_brings_loops_nearer_to_what_they_were(shipped: Pocket) -> None:
    """After bands and latent held-out loops are nearer with it, by log mel, and each is as loud within a decibel."""
    assert shipped.vocoder is not None
    errors = []
    for seed in (3, 5, 8, 11):
        true = np.ascontiguousarray(render(sample_recipe(seed, "heldout")).audio, np.float32)
        samples = true.shape[-1]
        log_power = log_bands(torch.from_numpy(true), 2 * latent_frames(samples))[None]
        again = shipped.latent_map.decode(shipped.latent_map.encode(log_power))
        heard = [waveform(again, samples, vocoder)[0].numpy() for vocoder in (None, shipped.vocoder)]
        errors.append([log_mel_error_db(one, true, SAMPLE_RATE) for one in heard])
        levels_db = [10 * np.log10(np.square(one).mean()) for one in heard]
        assert abs(levels_db[1] - levels_db[0]) < 1
    plain, mended = np.mean(errors, 0)
    assert mended < 0.9 * plain


def test_what_is_listened_to_is_what_is_delivered(shipped: Pocket) -> None:
    """The ear that a search trusts hears the mended wave, not the one before it."""
    scene = shipped.scene(LoopRequest(prompt="techno, drums and bass", bars=1))
    latent = start_noise(scene, 3)
    with torch.no_grad():
        heard = shipped.listen_through(latent, scene).power
        delivered = shipped.hear(shipped.decode(latent, scene), scene).power
        vocoder, shipped.vocoder = shipped.vocoder, None
        plain = shipped.hear(shipped.decode(latent, scene), scene).power
        shipped.vocoder = vocoder
    off, moved = ((heard.log10() - other.log10()).abs().mean() for other in (delivered, plain))
    assert float(off) < 0.02
    assert float(moved) > 3 * float(off)
