"""Training the vocoder: what is true costs nothing, it learns, and goes on where it stopped."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.pocket.bands import log_bands
from engine.pocket.waveform.vocoder import Vocoder, load_vocoder
from engine.training import vocoder as training
from engine.training.vocoder_data import HOP, Pairs
from engine.training.vocoder_losses import Distance


def _sound(frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    wave = 0.1 * torch.randn(2, frames * HOP, generator=generator)
    return log_bands(wave, frames), wave


def test_distances_vanish_for_the_same_wave() -> None:
    """Nothing is lost by what is true."""
    wave = 0.1 * torch.randn(1, 2, 40_960)
    assert all(float(value) < 1e-6 for value in Distance()(wave, wave).values())


@pytest.mark.slow
def test_training_learns_and_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as loud a wave is made louder; the state goes on at its step with its weights."""
    monkeypatch.setattr(training, "FRAMES", 96)
    monkeypatch.setattr(training, "HEARD_SAMPLES", 8_192)
    frames, log_power = 128, _sound(128)[0]
    true, made = (np.round(4000 * scale * _sound(128)[1].numpy()).astype(np.int16) for scale in (10, 5))
    (tmp_path / "shards").mkdir()
    np.savez(tmp_path / "shards" / "0.npz", true=true, made=made, bands=log_power.half().numpy(), frames=[frames])
    recipe = training.Recipe(minutes=10, batch=1, alone_steps=2, warm_up_steps=1, averaging=0.5, most_steps=4)
    device, pairs = torch.device("cpu"), Pairs(tmp_path, torch.device("cpu"))
    trainer = training.VocoderTrainer(recipe, tmp_path, device)
    before = float(trainer._train_once(pairs, 0)["mel"])
    trainer.run(pairs)
    again = training.VocoderTrainer(recipe, tmp_path, device)
    assert again.step == trainer.step == 5
    kept, found = trainer.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(kept[name], found[name]) for name in kept)
    assert float(again._train_once(pairs, 0)["mel"]) < before
    assert isinstance(load_vocoder(tmp_path / "vocoder.safetensors"), Vocoder)
