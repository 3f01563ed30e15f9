"""Bands and phases: what goes in comes out again, and a circle stays one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics.rhythm import onset_times
from engine.pocket import bands
from engine.pocket.sound import resynthesised, spectrum_of, waveform
from engine.pocket.waveform.attacks import quiet_before_hits
from engine.pocket.waveform.phase import loop_phases

RATE = bands.SAMPLE_RATE


def chord(samples: int) -> torch.Tensor:
    """Four notes with harmonics, each a whole number of periods: a loop that never starts nor ends."""
    time = np.arange(samples) / RATE
    sound = np.zeros(samples)
    for pitch in (220.0, 277.18, 329.63, 440.0):
        whole = round(pitch * samples / RATE) * RATE / samples
        sound += sum(np.sin(2 * np.pi * k * whole * time + k) / k for k in range(1, 12))
    mono = torch.from_numpy((0.3 * sound / np.abs(sound).max()).astype(np.float32))
    return torch.stack([mono, mono])


@given(samples=st.integers(20_000, 60_000), extra=st.integers(0, 3))
@settings(max_examples=15)
def test_any_length_is_rebuilt_from_its_own_spectrum(samples: int, extra: int) -> None:
    """Frames at fractional hops lose nothing, at lengths that no hop divides."""
    audio = torch.randn(2, samples, generator=torch.Generator().manual_seed(samples))
    frames = bands.FRAMES_PER_LATENT * (bands.latent_frames(samples) + extra)
    rebuilt = bands.istft(bands.stft(audio, frames), samples)
    assert (rebuilt - audio).abs().max() < 1e-4


def test_turning_the_sound_by_a_frame_turns_its_bands_by_a_frame() -> None:
    """Analysis wraps: there is no first frame."""
    samples = 64 * 512
    audio = torch.randn(2, samples, generator=torch.Generator().manual_seed(1))
    straight, turned = bands.log_bands(audio, 64), bands.log_bands(audio.roll(512, -1), 64)
    assert torch.allclose(straight.roll(1, 0), turned, atol=2e-3)


def test_level_of_the_spectrum_is_the_level_of_the_sound() -> None:
    """Parseval: the bands' sum is the mean square of the mono mix, within what lies beyond the top band."""
    audio = chord(RATE * 2)
    heard = spectrum_of(bands.log_bands(audio, 2 * bands.latent_frames(RATE * 2))[None], 86.0)
    level_db = 10 * np.log10(float(audio.mean(0).square().mean()))
    assert abs(float(heard.level_db.mean()) - level_db) < 0.2


def test_bins_have_the_bands_that_they_were_made_from() -> None:
    """Filling in FFT bins keeps the power of each band, to a decibel where there is sound."""
    log_power = bands.log_bands(chord(RATE), 2 * bands.latent_frames(RATE))
    power = bands.band_power(log_power[:, :246])
    again = bands.to_bins(power, bands.mid_bands()) @ bands.mid_bands().weights.T
    loud = power > power.max() * 1e-4
    error_db = 10 * torch.log10(again[loud] / power[loud])
    assert float(error_db.abs().mean()) < 1.0


def test_a_sustained_chord_stays_a_chord() -> None:
    """After bands and integrated phases, energy within 4 Hz of the partials is far over the rest below 6 kHz."""
    samples = RATE * 4
    audio = chord(samples)
    log_power = bands.log_bands(audio, 2 * bands.latent_frames(samples))
    rebuilt = waveform(log_power[None], samples)[0].mean(0).numpy()
    window = np.hanning(samples)
    original, heard = (np.abs(np.fft.rfft(sound * window)) ** 2 for sound in (audio.mean(0).numpy(), rebuilt))
    frequency = np.fft.rfftfreq(samples, 1 / RATE)
    peaks = [
        i for i in range(9, len(original) - 9) if original[i] == original[i - 4 : i + 5].max() > original.max() * 1e-3
    ]
    near = np.zeros(len(frequency), bool)
    for peak in peaks:
        near |= np.abs(frequency - frequency[peak]) <= 4
    rest = heard[~near & (frequency < 6_000)].sum()
    assert 10 * np.log10(heard[near].sum() / rest) >= 14


def test_phases_close_round_the_loop() -> None:
    """The mean advance of every loud bin over the loop is whole turns, so the wrap is like any other place."""
    samples = RATE * 2
    frames = 2 * bands.latent_frames(samples)
    magnitude = bands.stft(chord(samples)[0], frames).abs()
    phase = loop_phases(magnitude.numpy(), samples / frames)
    loud = magnitude.mean(0) > magnitude.mean() * 10
    advance = np.diff(np.concatenate([phase, phase[:1]]), axis=0)[:, loud.numpy()]
    at_wrap, inside = np.exp(1j * advance[-1]), np.exp(1j * advance[:-1]).mean(0)
    off_turns = np.abs(np.angle(at_wrap / inside)) / (2 * np.pi)
    assert np.median(off_turns) < 0.1


@pytest.mark.parametrize("through", [spectrum_of, None])
def test_what_is_heard_carries_a_gradient_to_every_frame(through: object) -> None:
    """Both ears, the quick and the honest one, answer to every latent frame."""
    samples = 16 * 1024
    log_power = (torch.randn(1, 32, 295, generator=torch.Generator().manual_seed(0)) + 3).requires_grad_()
    heard = spectrum_of(log_power, 86.0) if through else resynthesised(log_power, samples, 86.0)
    heard.level_db.sum().backward()
    assert log_power.grad is not None
    assert (log_power.grad.abs().sum(-1) > 0).all()


def test_the_mono_mix_is_the_mid_and_both_sides_are_equally_loud() -> None:
    """A quarter turn between mid and side: width without leaning, and nothing lost in mono."""
    generator = torch.Generator().manual_seed(3)
    left, right = torch.randn(2, RATE, generator=generator) * torch.tensor([[0.1], [0.05]])
    wide = waveform(bands.log_bands(torch.stack([left, right]), 2 * bands.latent_frames(RATE))[None], RATE)[0]
    assert abs(float(20 * torch.log10(wide[0].std() / wide[1].std()))) < 1.0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_no_number_cannot_lead_phases_astray(value: float) -> None:
    """A magnitude that is not finite is passed over: the compiled integration stays inside its arrays."""
    magnitudes = np.random.default_rng(0).random((40, 1025)).astype(np.float32)
    magnitudes[3, 5] = value
    assert np.isfinite(loop_phases(magnitudes, 512.5)).all()
    assert np.isfinite(loop_phases(np.full((8, 1025), value, np.float32), 512.5)).all()


def test_a_sound_is_its_own() -> None:
    """The same bands give the same samples again, whatever was heard in between, and others give others."""
    one, other = (
        bands.log_bands(torch.randn(2, 24_000, generator=torch.Generator().manual_seed(seed)), 48)[None]
        for seed in (1, 2)
    )
    first = waveform(one, 24_000)
    assert torch.equal(waveform(one, 24_000), first)
    assert not torch.allclose(waveform(other, 24_000), first, atol=0.01)
    assert torch.equal(waveform(one, 24_000), first)


def test_no_channel_has_a_constant_offset() -> None:
    """However much there is in the lowest bands, a waveform swings about zero."""
    generator = torch.Generator().manual_seed(6)
    log_power = torch.randn(1, 96, len(bands.mid_bands()) + len(bands.side_bands()), generator=generator)
    log_power[..., :3] += 9
    sound = waveform(log_power, 96 * 512)[0]
    assert float(sound.abs().max()) > 0.1
    assert float(sound.mean(-1).abs().max()) < 1e-6


def test_a_hit_is_no_click() -> None:
    """Where all treble rises at once and decays, no half millisecond holds most of it: phases are not in step."""
    frames = 2 * bands.latent_frames(RATE * 2)
    since = torch.arange(frames) - 60
    log_power = (-4 + torch.where(since >= 0, 9 - 0.5 * since, 0).clamp_min(0))[:, None].expand(-1, 295)
    energy = waveform(log_power[None], RATE * 2)[0].mean(0).square()
    half_a_millisecond = round(0.0005 * RATE)
    loudest = float(energy.unfold(0, half_a_millisecond, 1).sum(-1).max() / energy.sum())
    assert loudest < 0.45


def test_it_is_quiet_before_a_hit() -> None:
    """Next to nothing of a hit comes more than five milliseconds early, though a frame is nine times as long."""
    samples, place = RATE * 2, RATE
    since = torch.arange(samples - place) / RATE
    hit = torch.randn(len(since), generator=torch.Generator().manual_seed(6)) * torch.exp(-since / 0.05)
    audio = torch.cat([torch.zeros(place), 0.2 * hit]).expand(2, -1)
    power = waveform(bands.log_bands(audio, 2 * bands.latent_frames(samples))[None], samples)[0].mean(0).square()
    early = power[place - RATE // 20 : place - RATE // 200].sum() / power.sum()
    assert float(early) < 0.001


def test_what_does_not_rise_steeply_is_left_alone() -> None:
    """A chord, a swell and silence have no hits: no sample of them is turned down before its phases are taken."""
    long = 8 * RATE
    swell = chord(long)[0].numpy() * (1.1 - np.cos(2 * np.pi * np.arange(long) / long)).astype(np.float32)
    for steady in (chord(RATE)[0].numpy(), swell, np.zeros(RATE, np.float32)):
        assert quiet_before_hits(steady).min() > 0.99


@given(turn=st.integers(0, 49))
@settings(max_examples=10)
def test_hits_are_found_round_the_circle(turn: int) -> None:
    """A loop that begins elsewhere has the same hits: what is turned down turns with it."""
    wave = np.zeros(22_050, np.float32)  # a thousand blocks; 441 samples are twenty of them
    wave[5_000:] = np.exp(-np.arange(17_050) / 2_000)
    wave[4_600:5_000] = 0.1
    gain = quiet_before_hits(wave)
    assert gain.min() < 0.5
    np.testing.assert_allclose(quiet_before_hits(np.roll(wave, 441 * turn)), np.roll(gain, 441 * turn), atol=1e-5)


def test_steady_noise_does_not_throb_at_the_rate_of_the_frames() -> None:
    """The envelope of noise after the round trip has no line at the frame rate to speak of."""
    samples = RATE * 2
    frames = 2 * bands.latent_frames(samples)
    audio = 0.05 * torch.randn(2, samples, generator=torch.Generator().manual_seed(5))
    treble = torch.fft.rfft(waveform(bands.log_bands(audio, frames)[None], samples)[0, 0])
    treble[: 6_000 * 2] = 0
    envelope = torch.fft.rfft(torch.fft.irfft(treble, samples).square()).abs()
    assert float(envelope[frames] / envelope[frames - 50 : frames + 50].median()) < 4


@pytest.mark.parametrize("seed", range(3))
def test_a_hit_is_within_a_millisecond_of_where_it_was(seed: int) -> None:
    """After bands and phases the hits of a beat are neither late nor early, in the median of sixteen."""
    draws = np.random.default_rng(seed)
    samples = 4 * bands.SAMPLE_RATE
    beat = 1e-4 * draws.standard_normal(samples)
    for number in range(16):
        start = int((number + draws.uniform(0, 0.4)) * samples / 16)
        since = np.arange(6000)
        shape = (1 - np.exp(-since / (44.1 * draws.uniform(0.2, 1)))) * np.exp(-since / (44.1 * draws.uniform(20, 60)))
        thump = np.sin(2 * np.pi * np.cumsum(50 + 150 * np.exp(-since / 1500)) / bands.SAMPLE_RATE)
        beat[(start + since) % samples] += 0.3 * shape * (0.3 * draws.standard_normal(len(since)) + thump)
    stereo = torch.tensor(np.stack([beat, beat]), dtype=torch.float32)
    frames = bands.FRAMES_PER_LATENT * bands.latent_frames(samples)
    again = waveform(bands.log_bands(stereo, frames)[None], samples)[0].mean(0).numpy()
    before, after = (onset_times(one, bands.SAMPLE_RATE, circular=True) for one in (beat, again))
    apart = after[None] - before[:, None]
    near = apart[np.abs(apart) < 0.02]
    assert len(near) >= 12
    assert abs(np.median(near)) < 0.001
