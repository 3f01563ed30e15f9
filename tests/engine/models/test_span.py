"""How long a piece a model makes, and what it is told: exact for every tempo, metre and frame."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.controls.reference import at_rate
from engine.errors import BadRequestError
from engine.models.mel_spectrogram import log_mel, mel_filters
from engine.models.span import MAX_DRIFT, SPARE_SECONDS, caption, kept_mask, known_tempo, samples_of, span_of
from engine.request import Audio, LoopRequest
from midi.tempo import Meter

REAL = ((44_100, 2048), (44_100, 4096), (48_000, 1920), (16_000, 640))
LONGEST_SECONDS = 700  # a longer loop is more than a message may hold, and no request
TEMPI = st.fractions(Fraction(20), Fraction(999), max_denominator=100)
METERS = st.builds(Meter, st.integers(1, 13), st.sampled_from((2, 4, 8, 16)))


@given(tempo_bpm=TEMPI, meter=METERS, bars=st.integers(1, 16), real=st.sampled_from(REAL), loop=st.booleans())
def test_a_span_holds_the_loop_to_half_a_sample(tempo_bpm, meter, bars, real, loop):
    """A circle drifts by at most 0.2 %; any other piece holds the exact loop, and a tail where it must close."""
    assume(bars * meter.beats_per_bar * 60 / tempo_bpm < LONGEST_SECONDS)
    request = LoopRequest(tempo_bpm=tempo_bpm, meter=meter, bars=bars, loop=loop)
    span = span_of(request, *real)
    exact = request.beats * 60 / tempo_bpm * real[0]
    assert span.model_samples == span.frames * real[1]
    if span.circular:
        assert loop
        assert span.loop_samples == span.model_samples
        assert abs(span.loop_samples / exact - 1) <= MAX_DRIFT
        assert abs(span.loop_samples - exact) <= real[1] / 2
    else:
        assert abs(span.loop_samples - exact) <= Fraction(1, 2)
        assert span.model_samples >= exact + (SPARE_SECONDS * real[0] if loop else 0)
    after = span.model_samples - span.lead_samples - span.loop_samples
    if span.circular:
        assert span.lead_samples == 0
    elif loop:
        assert 0 <= after - span.lead_samples <= 1
    else:
        assert span.lead_samples == 0


@given(tempo_bpm=TEMPI, bars=st.integers(1, 16))
def test_a_model_that_stretches_makes_every_longer_loop_a_circle(tempo_bpm, bars):
    """With grains of 10 ms every loop from 2.5 s on fits, in the nearest number of frames."""
    request = LoopRequest(tempo_bpm=tempo_bpm, bars=bars)
    span = span_of(request, 16_000, 640, 160)
    assert span.circular or request.seconds < 2.5
    if span.circular:
        assert span.model_samples % 160 == 0
        assert abs(span.frames * 640 - span.model_samples) <= 320


@given(tempo_bpm=TEMPI)
def test_a_told_tempo_is_the_same_music(tempo_bpm):
    """It lies in the model's range and is the asked one times a power of two."""
    told, notes = known_tempo(tempo_bpm, 60, 200)
    assert 60 <= told <= 200
    ratio = np.log2(told / float(tempo_bpm))
    assert abs(ratio - round(ratio)) < 0.02
    assert bool(notes) == (not 60 <= tempo_bpm <= 200)


def test_a_caption_tells_tempo_and_key_once():
    assert caption(LoopRequest(prompt="dub", tempo_bpm=Fraction(140), key="Am")) == "dub, 140 BPM, A minor"
    assert caption(LoopRequest(prompt="dub at 70 bpm", tempo_bpm=Fraction(140))) == "dub at 70 bpm"
    assert caption(LoopRequest()) == "120 BPM"


def audio(seconds: float, rate: int, channels: int = 2, keep=()) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    wave = np.stack([np.sin(2 * np.pi * 220 * time) * 0.5] * channels, 1).astype("<f4")
    return Audio(samples=wave.tobytes(), sample_rate=rate, channels=channels, keep=keep)


@pytest.mark.parametrize("channels", [1, 2])
def test_reference_audio_arrives_at_the_models_rate(channels):
    """A sine keeps its pitch and level, whatever the rates; silence follows where it ends."""
    samples = samples_of(audio(1.0, 48_000, channels), 16_000, 2, 20_000)
    assert samples.shape == (1, 2, 20_000)
    time = torch.arange(16_000) / 16_000
    expected = 0.5 * torch.sin(2 * torch.pi * 220 * time)
    assert (samples[0, :, 400:15_600] - expected[400:15_600]).abs().max() < 1e-3
    assert not samples[..., 16_100:].any()


def test_a_reference_is_the_same_for_a_model_and_for_its_controls():
    """At the model's rate, to the bit; values that are not finite are refused for both."""
    reference = audio(0.5, 44_100, channels=1)
    heard = at_rate(reference, 16_000, 2)
    assert heard.shape == (1, 2, 8_000)
    assert samples_of(reference, 16_000, 2, 9_000, lead_samples=500)[..., 500:8_500].equal(heard)
    assert samples_of(reference, 16_000, 2, 3_000, lead_samples=500)[..., 500:].equal(heard[..., :2_500])
    broken = Audio(samples=np.array([0.0, np.nan], "<f4").tobytes(), sample_rate=8_000, channels=1)
    for read in (lambda: at_rate(broken, 16_000, 2), lambda: samples_of(broken, 16_000, 2, 9_000)):
        with pytest.raises(BadRequestError, match="not numbers"):
            read()


def test_kept_frames_are_the_beats_that_are_kept():
    """120 BPM, 4 beats, 8 frames: beats 1 to 3 are frames 2 to 5; without ranges, all that the audio covers."""
    request = LoopRequest(tempo_bpm=Fraction(120), bars=1)
    span = span_of(request, 800, 200)
    kept = kept_mask(audio(2.0, 8000, keep=((Fraction(1), Fraction(3)),)), request, span)
    assert kept.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert kept_mask(audio(1.0, 8000), request, span).tolist() == [1, 1, 1, 1, 0, 0, 0, 0]
    late = replace(span, frames=10, model_samples=2000, lead_samples=200)
    assert kept_mask(audio(1.0, 8000), request, late).tolist() == [0, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert samples_of(audio(1.0, 8000), 8000, 2, 9000, lead_samples=500)[..., 500:8500].equal(
        samples_of(audio(1.0, 8000), 8000, 2, 8000)
    )


def test_mel_filters_are_slaneys():
    """They equal an independent implementation of the filter bank."""
    from transformers.audio_utils import mel_filter_bank

    theirs = mel_filter_bank(513, 64, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    assert np.abs(mel_filters(16_000, 1024, 64).numpy() - theirs).max() < 1e-9


def test_log_mel_turns_with_a_loop_and_reflects_without():
    """A circular frame hears the other end; an open one hears its own end mirrored."""
    wave = torch.randn(1, 1600, generator=torch.Generator().manual_seed(0))
    looped = log_mel(wave, 16_000, 160, 64, circular=True)
    assert looped.shape == (1, 10, 64)
    assert torch.allclose(log_mel(wave.roll(480, -1), 16_000, 160, 64, circular=True), looped.roll(3, 1), atol=1e-5)
    mirrored = torch.nn.functional.pad(wave[None], (512, 512), mode="reflect")[0]
    magnitude = torch.fft.rfft(mirrored[:, :1024] * torch.hann_window(1024)).abs()
    expected = magnitude @ mel_filters(16_000, 1024, 64).float()
    opened = log_mel(wave, 16_000, 160, 64, circular=False)
    assert torch.allclose(opened[:, 0], expected.clamp_min(1e-5).log(), atol=1e-4)
