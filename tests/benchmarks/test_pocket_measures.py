"""The measures of the evaluation tell good from bad where the answer is known."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality.evaluation import grid, key, material, sound, statistics
from benchmarks.quality.evaluation.checkpoint import read_checkpoint
from benchmarks.quality.evaluation.classifiers import Listener, Training, colour, genre_accuracy, groove
from benchmarks.quality.evaluation.figures import Figure, at_least, from_rows
from benchmarks.quality.evaluation.generation import MAX_STUDENT_STEPS, generate
from benchmarks.quality.evaluation.hearing import PICTURE_BANDS, Ear
from benchmarks.quality.pocket import LOOPS, put, table
from benchmarks.rows import Rows, arrays_of
from engine.pocket import words
from engine.pocket.model import load_pocket
from engine.request import LoopRequest
from engine.settings import Settings
from engine.training.synth.recipe_sampling import sample_recipe
from midi.key import Key
from midi.tempo import Meter

RATE = 44_100


def hits(beats: list[float], tempo_bpm: float, loop_beats: float) -> np.ndarray:
    """Bursts of decaying noise at `beats` in a loop of `loop_beats` at `tempo_bpm`."""
    rng = np.random.default_rng(3)
    samples = round(loop_beats * 60 / tempo_bpm * RATE)
    signal = np.zeros(samples)
    burst = rng.standard_normal(3000) * np.exp(-np.arange(3000) / 500)
    for number, beat in enumerate(beats):
        place = (round(beat * 60 / tempo_bpm * RATE) + np.arange(len(burst))) % samples
        signal[place] += burst * (0.5 if number % 4 else 1.0)
    return np.tile(signal, (2, 1)).astype(np.float32)


def tones(pitches: list[int], seconds_each: float = 0.5) -> np.ndarray:
    """Notes with a few overtones, one after the other."""
    time = np.arange(round(seconds_each * RATE)) / RATE
    angles = [2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time for pitch in pitches]
    notes = [sum(np.sin(k * angle) / k**1.5 for k in range(1, 6)) * np.hanning(len(time)) for angle in angles]
    return np.tile(0.2 * np.concatenate(notes), (2, 1)).astype(np.float32)


@pytest.mark.parametrize(("loop_beats", "tempo_bpm"), [(16.0, 124.0), (14.0, 96.0), (6.0, 150.0)])
def test_a_tempo_two_per_cent_off_is_caught(loop_beats: float, tempo_bpm: float) -> None:
    """Eighths on the grid pass, in 4/4, 7/8 and 3/4; the same eighths are off a grid that is 2 % faster."""
    audio = hits([beat / 2 for beat in range(round(2 * loop_beats))], tempo_bpm, loop_beats)
    right, wrong = (grid.measure(audio, RATE, tempo_bpm * ratio) for ratio in (1.0, 1.02))
    assert right is not None
    assert right.kept
    assert wrong is not None
    assert not wrong.kept
    assert abs(wrong.tempo_ratio - 1 / 1.02) < 0.004


@given(seed=st.integers(0, 1000))
@settings(max_examples=12)
def test_hits_on_no_grid_do_not_pass(seed: int) -> None:
    """The freedom of swing is no way out for hits at random."""
    times = np.sort(np.random.default_rng(seed).uniform(0, 16, 30))
    assert grid.off_grid(times * 0.5, np.ones(30), 120.0) > grid.PHASE_SECONDS / 2
    audio = hits(times.tolist(), 120.0, 16.0)
    found = grid.measure(audio, RATE, 120.0)
    assert found is not None
    assert not found.kept


@pytest.mark.parametrize("swing", [0.5, 0.58, 0.66])
def test_swung_sixteenths_are_on_the_grid(swing: float) -> None:
    """A groove may swing as it likes."""
    beats = [eighth / 2 + late for eighth in range(16) for late in (0.0, swing / 2)]
    found = grid.measure(hits(beats, 90.0, 8.0), RATE, 90.0)
    assert found is not None
    assert found.kept


def test_silence_and_single_hits_have_no_tempo() -> None:
    """Too few hits say nothing."""
    assert grid.measure(np.zeros((2, RATE), np.float32), RATE, 120.0) is None
    assert grid.measure(hits([0.0, 1.0], 120.0, 4.0), RATE, 120.0) is None


@given(tonic=st.integers(0, 11))
@settings(max_examples=5)
def test_a_scale_is_in_its_key_and_in_no_distant_one(tonic: int) -> None:
    """C D E F G A B fits C major, A minor and D dorian, and not keys that share few notes; all keys alike."""
    audio = tones([60 + tonic + step for step in (0, 4, 7, 5, 9, 12, 7, 11, 14, 0)])
    for wanted in (Key(tonic, "major"), Key((tonic + 9) % 12, "minor"), Key((tonic + 2) % 12, "dorian")):
        assert key.fits(audio, RATE, wanted)
    for away in (1, 4, 6, 11):
        assert not key.fits(audio, RATE, Key((tonic + away) % 12, "major"))


def test_drums_do_not_sound_a_key() -> None:
    """What lasts counts: hits over a scale change nothing of its key."""
    scale = tones([60, 64, 67, 65, 69, 72, 67, 71])
    drums = hits([beat / 2 for beat in range(16)], 120.0, 8.0)
    assert key.fits(scale + 0.3 * drums, RATE, Key(0, "major"))
    assert not key.fits(scale + 0.3 * drums, RATE, Key(6, "major"))


def test_frechet_distance_of_equal_sets_is_zero_and_grows_with_their_distance() -> None:
    """Zero to itself, the squared shift for a shift, and symmetric, also for fewer rows than columns."""
    rng = np.random.default_rng(0)
    some, others = rng.standard_normal((2, 40, 60))
    assert statistics.frechet(some, some) == pytest.approx(0, abs=1e-6)
    assert statistics.frechet(some, some + 2.0) == pytest.approx(4 * 60, rel=1e-6)
    assert statistics.frechet(some, others) == pytest.approx(statistics.frechet(others, some))
    assert statistics.frechet(some, 3 * others) > statistics.frechet(some, others)


def test_frechet_distance_is_the_one_of_the_books() -> None:
    """The same as with a matrix root, where there are rows enough to take one."""
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    some, others = rng.standard_normal((200, 5)), rng.standard_normal((300, 5)) @ rng.standard_normal((5, 5)) + 1
    one, two = np.cov(some.T), np.cov(others.T)
    means = some.mean(0) - others.mean(0)
    expected = means @ means + np.trace(one + two - 2 * np.real(sqrtm(one @ two)))
    assert statistics.frechet(some, others) == pytest.approx(expected, rel=1e-6)


def test_copies_are_found() -> None:
    """A set that holds training rows has nearest neighbours at no distance."""
    rng = np.random.default_rng(2)
    training, fresh = rng.standard_normal((2, 100, 8))
    assert statistics.nearest(training[:30], training) == (0.0, 0.0)
    median, lowest = statistics.nearest(fresh, training)
    assert median > lowest > 0


def test_ranks_are_chance_for_noise_and_certain_for_twins() -> None:
    """One in sixteen at random, always where text and sound are the same."""
    rng = np.random.default_rng(4)
    heard, read = rng.standard_normal((2, 400, 16))
    read /= np.linalg.norm(read, axis=1, keepdims=True)
    assert statistics.first_among(read, read, 15, rng) == 1.0
    assert 0.02 < statistics.first_among(heard, read, 15, rng) < 0.12


def test_clicks_are_counted_and_hits_are_not() -> None:
    """Single samples that jump are clicks; drum hits and tones are none."""
    clean = tones([60, 64, 67, 72])
    assert sound.clicks(clean, RATE) == 0
    assert sound.clicks(hits([0.0, 1.0, 2.0, 3.0], 120.0, 4.0), RATE) == 0
    clicked = clean.copy()
    clicked[:, [5_000, 30_000]] += 0.1
    assert sound.clicks(clicked, RATE) == 2


def test_dc_is_the_mean_of_the_worse_channel() -> None:
    """A shifted channel shows."""
    audio = tones([60, 67])
    audio[1] += 0.01
    assert sound.dc(audio) == pytest.approx(0.01, abs=1e-3)


def test_spectra_that_differ_by_three_decibels_differ_by_three() -> None:
    """The log-mel error of a gain is the gain; of the same sound nothing."""
    audio = np.tile(0.1 * np.random.default_rng(5).standard_normal(RATE), (2, 1)).astype(np.float32)
    assert sound.log_mel_error_db(audio, audio, RATE) == 0
    assert sound.log_mel_error_db(audio * 10 ** (-3 / 20), audio, RATE) == pytest.approx(3.0, abs=0.05)


def test_rough_chords_and_smeared_hits_are_heard() -> None:
    """Noise on a chord lowers its purity; a slower rise lengthens the attack by what it adds."""
    samples = 2 * RATE
    time = np.arange(samples) / RATE
    chord = np.tile(np.sin(2 * np.pi * 220 * time) + np.sin(2 * np.pi * 330 * time), (2, 1))
    noise = np.random.default_rng(6).standard_normal(samples)
    pure, rough = (sound.chord_purity_db(chord + share * noise, chord, RATE) for share in (1e-3, 0.5))
    assert pure > 15 > rough
    carrier = np.random.default_rng(7).choice([-1.0, 1.0], samples)
    rises = []
    for rise in (0.002, 0.020):
        envelope = np.clip((time - 0.5) / rise, 0, 1) * np.exp(-9 * np.maximum(time - 0.5 - rise, 0))
        rises.append(sound.attack_seconds(carrier * envelope, RATE, 0.5))
    assert rises[0] < 0.004
    assert rises[1] == pytest.approx(0.016, abs=0.003)


@pytest.mark.parametrize("features", [groove, colour])
def test_a_listener_learns_what_can_be_told_and_nothing_else(features) -> None:
    """Two kinds of pictures are told apart; shuffled truth stays chance on pictures that it never saw."""
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 2, 90)
    pictures = rng.standard_normal((90, 64, sum(PICTURE_BANDS))).astype(np.float32)
    pictures[truth == 1, ::8, :20] += 3.0
    listener = Listener(features, pictures[:50], truth[:50], Training(epochs=20))
    assert genre_accuracy(listener, pictures[50:], truth[50:]) > 0.9
    hollow = Listener(features, pictures[:50], rng.permutation(truth[:50]), Training(epochs=20))
    assert genre_accuracy(hollow, pictures[50:], truth[50:]) < 0.8


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30)
def test_a_request_says_exactly_what_the_labels_say(seed: int) -> None:
    """The prompt reads back as the loop's own words; tempo, metre, bars and length are the recipe's."""
    recipe = sample_recipe(seed, "heldout")
    labels = material.labels_of(recipe)
    request = material.request_for(labels, seed)
    assert words.parse(request.prompt).ids == labels.words
    assert request.tempo_bpm == Fraction(str(recipe.tempo_bpm))
    assert abs(request.samples - recipe.samples()) <= 1


def test_halves_have_different_kits_and_one_tempo_is_one_tempo() -> None:
    """What is compared with held-out loops shares no kit with them, and genres no tempo."""
    first, second = material.halves(12)
    kits = [{recipe.drums.kit_id for recipe in half if recipe.drums} for half in (first, second)]
    assert kits[0]
    assert not kits[0] & kits[1]
    assert {recipe.tempo_bpm for recipe in material.same_tempo("trap", 0, 4)} == {material.SAME_TEMPO_BPM}


def test_a_row_has_the_same_columns_whatever_the_loop(tmp_path) -> None:
    """Drums or chords, labelled or not: rows stack, are kept, and are not heard twice."""
    loops = [
        material.Loop("drums", hits([beat / 2 for beat in range(16)], 120.0, 8.0), 120.0),
        material.Loop("scale", tones([60, 64, 67, 65, 69, 72]), 0.0, material.labels_of(sample_recipe(3, "heldout"))),
    ]
    heard = []

    def hear(indices):
        for index in indices:
            heard.append(index)
            yield index, Ear().hear(loops[index].audio, loops[index])

    for _ in range(2):
        columns = arrays_of(tmp_path, "some", 2, hear)
    assert heard == [0, 1]
    assert columns["on_grid"][0] == 1
    assert np.isnan(columns["key"][0])
    columns |= {"odd": np.array([0, 1]), "plain": np.array([1, 1])}
    figures = {figure.name: figure for figure in from_rows({"held-out": columns})}
    assert figures["on the grid, % of loops with drums"].values["held-out"] >= 50


def test_the_table_marks_what_misses_its_bar(tmp_path: Path) -> None:
    """Bold is under the bar, an empty cell is not measured."""
    rows = Rows(tmp_path / "pocket.json")
    good = Figure(name="share, %", bar="at least 60", good=at_least(60), values={"4": 61.0, "1": 40.0}, digits=0)
    other = Figure(name="ratio", bar="", values={"32": 1.0})
    put(rows, LOOPS, [good, other])
    text = table(rows).markdown()
    assert "| share, % | at least 60 | 61 | **40** |  |" in text
    assert "| ratio |  |  |  | 1.00 |" in text


def test_a_checkpoint_is_read_without_its_maker(tmp_path) -> None:
    """A table written by hand: names share prefixes, numbers come back in their shape."""
    numbers = np.arange(6, dtype="<f4")
    entry = bytes([0x08, 1, 0x12, 8, 0x12, 2, 0x08, 2, 0x12, 2, 0x08, 3, 0x20, 0, 0x28, 24])
    second = bytes([0x08, 1, 0x12, 0, 0x20, 20, 0x28, 4])
    block = bytes([0, 3, len(entry)]) + b"net" + entry + bytes([3, 2, len(second)]) + b"/b" + second
    block += (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    handle = bytes([0, len(block)])
    index = bytes([0, 1, 2]) + b"z" + handle + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")
    start = len(block) + 5
    footer = bytes([0, 0, start, len(index)]).ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")
    (tmp_path / ".index").write_bytes(block + bytes(5) + index + bytes(5) + footer)
    (tmp_path / ".data-00000-of-00001").write_bytes(numbers.tobytes())
    read = read_checkpoint(tmp_path)
    assert read["net"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert float(read["net/b"]) == 5.0


@pytest.mark.parametrize("steps", [MAX_STUDENT_STEPS, MAX_STUDENT_STEPS + 1])
def test_loops_of_one_length_are_made_together_as_each_alone(steps: int) -> None:
    """Metres and prompts of a batch stay each loop's own, in the student's chains and with the teacher's guidance."""
    pocket = load_pocket(Settings(dtype="float32"))
    requests = [
        LoopRequest(prompt="techno", tempo_bpm=Fraction(120), bars=1, seed=1),
        LoopRequest(prompt="lo-fi, rhodes", tempo_bpm=Fraction(90), bars=1, meter=Meter(3, 4), seed=2),
    ]
    assert len({pocket.scene(request).frames for request in requests}) == 1
    together = dict(generate(pocket, requests, steps, (0, 1)))
    for index in (0, 1):
        ((_, alone),) = generate(pocket, requests, steps, (index,))
        np.testing.assert_allclose(together[index], alone, atol=0.02)
