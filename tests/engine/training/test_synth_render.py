"""Rendered loops: exact length, closed, bounded, on the grid, in key, labelled as they sound."""

import json
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from engine.pocket.words import WORD_IDS, WORDS, parse
from engine.training.synth.__main__ import main
from engine.training.synth.dynamics import Dynamics
from engine.training.synth.genres import GENRES
from engine.training.synth.harmony import SCALES
from engine.training.synth.recipe import Drums
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import SAMPLE_RATE, Loop, render
from engine.training.synth.sounds.mixdown import CEILING

_COUNT = 48


@pytest.fixture(scope="module")
def loops() -> list[Loop]:
    """Return loops of consecutive seeds, made without any asset."""
    return [render(sample_recipe(seed)) for seed in range(_COUNT)]


def test_loops_are_exact_stereo_float_and_bounded(loops: list[Loop]) -> None:
    """Length as the musical time says, finite, peak at most -1 dBFS, loudness in range, no DC."""
    for loop in loops:
        assert loop.audio.shape == (2, loop.recipe.samples())
        assert loop.audio.dtype == np.float32
        assert np.isfinite(loop.audio).all()
        assert np.abs(loop.audio).max() <= CEILING
        assert -40.0 < loop.labels.loudness_lufs < -8.0
        assert np.abs(loop.audio.mean(axis=1)).max() < 0.01
    assert -20.0 < np.median([loop.labels.loudness_lufs for loop in loops]) < -12.0


def test_the_wrap_is_no_bigger_a_step_than_others(loops: list[Loop]) -> None:
    """Where no drum sits on the downbeat, the step over the wrap is within the largest 1 % in most loops."""
    larger = []
    for loop in loops:
        if loop.recipe.drums is None:
            steps = np.abs(np.diff(loop.audio, axis=1)).max(axis=0)
            wrap = np.abs(loop.audio[:, 0] - loop.audio[:, -1]).max()
            larger.append(wrap > np.quantile(steps, 0.99))
    assert len(larger) > 10
    assert np.mean(larger) <= 0.15


def test_the_same_recipe_sounds_the_same() -> None:
    """Rendering twice gives the same samples: all noise comes from the recipe."""
    recipe = sample_recipe(5)
    np.testing.assert_allclose(render(recipe).audio, render(recipe).audio, atol=1e-6)


def test_no_two_loops_are_alike(loops: list[Loop]) -> None:
    """Every pair of loops differs by at least 1.5 dB in its mean spectrum of 40 bands."""
    spectra = np.stack([_bands_db(loop.audio.mean(axis=0)) for loop in loops])
    distance = np.sqrt(((spectra[:, None] - spectra[None]) ** 2).mean(axis=-1))
    assert distance[~np.eye(len(loops), dtype=bool)].min() > 1.5


def _bands_db(audio: np.ndarray) -> np.ndarray:
    power = np.abs(np.fft.rfft(audio)) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / SAMPLE_RATE)
    edges = np.geomspace(40.0, 16_000.0, 41)
    bands = [power[(hz >= low) & (hz < high)].sum() for low, high in pairwise(edges)]
    return 10 * np.log10(np.array(bands) / power.sum() + 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_labelled_onsets_are_where_the_sound_starts(seed: int) -> None:
    """In a dry drum loop the energy right after each loud labelled onset rises by at least 6 dB."""
    recipe = _plain(sample_recipe(seed, layout="drums"))
    loop = render(recipe)
    mono = loop.audio.mean(axis=0)
    beat_samples = 60.0 / recipe.tempo_bpm * SAMPLE_RATE
    onsets = sorted({hit.beat for hit in loop.labels.onsets if hit.piece in ("kick", "snare", "clap")})
    rises = [_rise_db(mono, round(beat * beat_samples)) for beat in onsets]
    assert np.mean([rise > 6.0 for rise in rises]) >= 0.8


def _rise_db(mono: np.ndarray, at: int) -> float:
    window = 220  # 5 ms
    before = np.take(mono, np.arange(at - 2 * window, at - 20), mode="wrap")
    after = np.take(mono, np.arange(at, at + 2 * window), mode="wrap")
    return float(10 * np.log10((np.mean(after**2) + 1e-9) / (np.mean(before**2) + 1e-9)))


def _plain(recipe):
    """Return the recipe without dynamics and with dry drums, so that onsets can be read from the audio."""
    drums = recipe.drums
    assert isinstance(drums, Drums)
    dry = msgspec.structs.replace(drums, reverb=0.0, kit="909", density=0.4)
    mix = msgspec.structs.replace(recipe.mix, tape=0.0, sweep_octaves=0.0, bit_depth=0)
    return msgspec.structs.replace(recipe, drums=dry, dynamics=Dynamics("steady", (), ()), textures=(), mix=mix)


def test_tonal_loops_are_in_their_key() -> None:
    """The labelled scale holds more chroma energy than the mean rotation of it in 8 of 10 tonal loops."""
    inside = []
    for seed in range(20):
        loop = render(sample_recipe(seed, layout="chords"))
        chroma = _chroma(loop.audio.mean(axis=0))
        scale = SCALES[loop.labels.mode]
        shares = [sum(chroma[(tonic + step) % 12] for step in scale) for tonic in range(12)]
        inside.append(shares[loop.labels.tonic] > np.mean(shares) + 0.15)
    assert np.mean(inside) >= 0.8


def _chroma(mono: np.ndarray) -> np.ndarray:
    power = np.abs(np.fft.rfft(mono)) ** 2
    hz = np.fft.rfftfreq(len(mono), 1 / SAMPLE_RATE)
    heard = (hz > 130.0) & (hz < 2000.0)
    classes = np.round(69 + 12 * np.log2(hz[heard] / 440.0)).astype(int) % 12
    chroma = np.bincount(classes, power[heard], 12)
    return chroma / chroma.sum()


def test_a_labelled_melody_is_the_strongest_pitch_class() -> None:
    """In full loops the melody's pitch class is the loudest above 260 Hz more often than not."""
    right = []
    for seed in range(40):
        loop = render(sample_recipe(seed, layout="full"))
        mono = loop.audio.mean(axis=0)
        beat_samples = 60.0 / loop.labels.tempo_bpm * SAMPLE_RATE
        for note in loop.labels.melody:
            length = round(note.beats * beat_samples)
            if length >= 8192:
                start = round(note.beat * beat_samples)
                piece = np.take(mono, np.arange(start, start + length), mode="wrap")
                right.append(_loudest_class(piece) == note.pitch % 12)
    assert len(right) > 30
    assert np.mean(right) > 0.6


def _loudest_class(piece: np.ndarray) -> int:
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    hz = np.fft.rfftfreq(len(piece), 1 / SAMPLE_RATE)
    heard = (hz > 261.2) & (hz < 4000.0)
    classes = np.round(69 + 12 * np.log2(hz[heard] / 440.0)).astype(int) % 12
    return int(np.bincount(classes, power[heard], 12).argmax())


def test_loudness_curves_are_heard() -> None:
    """A recipe with a build is at least 6 dB louder near its end than at its start."""
    recipe = sample_recipe(3, layout="chords")
    points = ((0.0, -20.0), (recipe.beats * 0.95, 0.0), (recipe.beats, -20.0))
    built = msgspec.structs.replace(recipe, dynamics=Dynamics("build", points, ()))
    audio = render(built).audio
    fifth = audio.shape[1] // 5
    early, late = audio[:, :fifth], audio[:, -fifth - fifth // 2 : -fifth // 2]
    assert 10 * np.log10(np.mean(late**2) / np.mean(early**2)) > 6.0


def test_labels_say_what_the_recipe_has(loops: list[Loop]) -> None:
    """Words, key, metre and instruments agree with the recipe, and no word contradicts another."""
    for loop in loops:
        labels, recipe = loop.labels, loop.recipe
        words = {WORDS[i].text for i in labels.words}
        assert recipe.genre in words
        assert set(labels.instruments) <= words
        assert ("drums" in words) == bool(labels.onsets) == ("no drums" not in words)
        for layer in ("bass", "chords", "melody"):
            assert (layer in words) == (f"no {layer}" not in words)
        assert bool(labels.melody) == ("melody" in words)
        assert not {"major", "minor"} <= words
        assert (labels.tonic == -1) == (labels.key == "")
        assert (labels.numerator, labels.denominator) == (recipe.numerator, recipe.denominator)


def test_captions_are_read_back_by_the_parser(loops: list[Loop]) -> None:
    """Each caption names the genre, holds no unknown word, and says nothing that the labels do not."""
    for loop in loops:
        for caption in loop.captions:
            parsed = parse(caption)
            assert WORD_IDS[loop.labels.genre] in parsed.ids, caption
            assert parsed.unknown == (), caption
            assert set(parsed.ids) <= set(loop.labels.words), caption


def test_every_genre_and_layout_renders() -> None:
    """All templates sound, also those that few seeds draw."""
    for index, genre in enumerate(GENRES):
        layout = ("full", "drums", "drums-bass", "bass", "chords", "melody", "texture")[index % 7]
        loop = render(sample_recipe(index, "heldout", genre=genre, layout=layout))
        assert np.abs(loop.audio).max() > 0.01, (genre, layout)


def test_the_command_writes_wav_and_json(tmp_path, capsys) -> None:
    """`python -m engine.training.synth` leaves a WAV and a JSON file a loop and prints the speed."""
    main(out=tmp_path, count=2, seed=0, assets=None, split="train", genre=None, layout="drums")
    assert len(list(tmp_path.glob("*.wav"))) == 2
    described = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert described["labels"]["genre"] == described["recipe"]["genre"]
    assert "x real time" in capsys.readouterr().out
