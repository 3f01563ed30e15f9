"""What a prompt leaves open is taken from a loop that was learnt, never against what was said."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pocket.model import WEIGHTS, Pocket
from engine.pocket.repertoire import BEATLESS, NEVER_DRAWN, TONALITIES, Repertoire
from engine.pocket.words import DRUMS, PACES, WORD_IDS, WORDS, parse
from engine.request import Control, LoopRequest, Notes, Start
from engine.sampling import start_noise
from engine.takes.noise import WIDE_VARIATION, OpenSeeds, noise_to_bytes, open_seeds
from midi.key import Key
from midi.notes import Note

REPERTOIRE = Repertoire.load(WEIGHTS / "repertoire.safetensors")
SOME_WORDS = st.sets(st.integers(0, len(WORDS) - 1), max_size=6).map(lambda ids: tuple(sorted(ids)))
SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def taught(pocket: Pocket) -> Pocket:
    return Pocket(pocket.network, pocket.latent_map, repertoire=REPERTOIRE)


def _both(seed: int) -> OpenSeeds:
    return OpenSeeds(words=seed, key=seed)


def _groups(ids: tuple[int, ...]) -> set[str]:
    return {WORDS[word].group for word in ids}


@given(asked=SOME_WORDS, avoided=SOME_WORDS, seed=SEEDS, tempo_bpm=st.floats(60, 180))
def test_what_was_said_stays_and_what_was_refused_stays_away(
    asked: tuple[int, ...], avoided: tuple[int, ...], seed: int, tempo_bpm: float
) -> None:
    """Every asked word is there; no other word of its group is, but the true pace; none that was refused is added."""
    whole = REPERTOIRE.complete(asked, avoided, _both(seed), tempo_bpm=tempo_bpm, key=None)
    drawn = set(whole.ids) - set(asked)
    assert set(asked) <= set(whole.ids)
    texts = {WORDS[word].text for word in drawn}
    said, names = _groups(asked), {WORDS[word].text for word in asked}
    if "genre" in said and "layer" not in said and not names & (DRUMS | BEATLESS):
        said -= {"instrument"}  # a whole mix is drawn round those
    assert not said & {WORDS[word].group for word in drawn if WORDS[word].text not in PACES}
    assert not (drawn & set(avoided)) - {WORD_IDS[word] for word in PACES}
    assert not texts & NEVER_DRAWN
    assert whole == REPERTOIRE.complete(asked, avoided, _both(seed), tempo_bpm=tempo_bpm, key=None)


@given(seed=SEEDS, tempo_bpm=st.floats(60, 180))
def test_a_bare_genre_becomes_a_whole_loop(seed: int, tempo_bpm: float) -> None:
    """House gets instruments, a kit, a key and the pace of its tempo, and stays house."""
    whole = REPERTOIRE.complete(parse("house").ids, (), _both(seed), tempo_bpm=tempo_bpm, key=None)
    texts = {WORDS[word].text for word in whole.ids}
    assert {"house", "full mix", "drums"} <= texts
    assert len(texts & set(PACES)) == 1
    assert ("slow" in texts) == (tempo_bpm < 90)
    assert [word for word in whole.ids if WORDS[word].group == "genre"] == list(parse("house").ids)


def test_seeds_choose_otherwise() -> None:
    """Sixteen seeds give at least twelve different loops of one prompt."""
    drawn = {REPERTOIRE.complete(parse("house").ids, (), _both(seed), tempo_bpm=120, key=None) for seed in range(16)}
    assert len(drawn) >= 12


@pytest.mark.parametrize("prompt", ["dusty boom bap, rhodes", "synthwave with arpeggio and pad", "house with piano"])
def test_a_genre_that_lives_by_its_beat_has_drums(prompt: str) -> None:
    """And they come beside the instruments that were named."""
    asked = parse(prompt).ids
    for seed in range(20):
        whole = REPERTOIRE.complete(asked, (), _both(seed), tempo_bpm=120, key=None)
        assert {*asked, WORD_IDS["drums"], WORD_IDS["full mix"]} <= set(whole.ids)


@pytest.mark.parametrize(
    "prompt", ["house drums, bass and piano", "drums only, techno", "ambient pad with piano", "lo-fi piano, no drums"]
)
def test_named_instruments_are_all_that_is_wanted(prompt: str) -> None:
    """Beside named ones no instrument is drawn, and a drum loop gets drums."""
    asked = parse(prompt).ids
    pitched = {WORD_IDS[word] for word in ("bass", "chords", "melody", "piano", "strings", "lead", "arpeggio")}
    for seed in range(20):
        whole = REPERTOIRE.complete(asked, (), _both(seed), tempo_bpm=120, key=None)
        assert not (set(whole.ids) - set(asked)) & pitched


def test_a_given_key_stays() -> None:
    """And no word of another tonality is drawn beside it; where notes decide, no key is drawn at all."""
    tonalities = {WORD_IDS[word] for word in TONALITIES}
    for seed in range(20):
        given_key = REPERTOIRE.complete(parse("house").ids, (), _both(seed), tempo_bpm=120, key=Key(5, "minor"))
        assert given_key.key == Key(5, "minor")
        assert not tonalities & set(given_key.ids)
        tuned = REPERTOIRE.complete(parse("house").ids, (), _both(seed), tempo_bpm=120, key=None, draws_key=False)
        assert tuned.key is None
        assert not tonalities & set(tuned.ids)


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    """Words, tonics and modes."""
    REPERTOIRE.save(tmp_path / "again.safetensors")
    again = Repertoire.load(tmp_path / "again.safetensors")
    for name in ("said", "tonics", "modes"):
        assert np.array_equal(getattr(again, name), getattr(REPERTOIRE, name))


def test_a_take_keeps_its_words(taught: Pocket) -> None:
    """What begins from a take's noise is told what the take was told, whatever its own seed."""
    first = LoopRequest(prompt="house", tempo_bpm=Fraction(124), bars=1, seed=3)
    scene = taught.scene(first)
    noise = noise_to_bytes(start_noise(scene, 4)[0], model="pocket", seed=4, open_seeds=OpenSeeds(3, 3))
    varied = LoopRequest(prompt="house", tempo_bpm=Fraction(124), bars=1, seed=77, start=Start(noise=noise))
    assert taught.scene(varied).inputs.conditional.equal(scene.inputs.conditional)
    another = taught.scene(LoopRequest(prompt="house", bars=1, seed=77))
    assert not another.inputs.conditional.equal(scene.inputs.conditional)


def test_a_wide_variation_has_other_words_and_the_same_key(taught: Pocket) -> None:
    """It is another loop for the same set; and what begins from it is told what it was told."""
    first = taught.scene(LoopRequest(prompt="house", tempo_bpm=Fraction(124), bars=1, seed=3))
    noise = noise_to_bytes(start_noise(first, 3)[0], model="pocket", seed=3, open_seeds=OpenSeeds(3, 3))
    start = Start(noise=noise, variation=WIDE_VARIATION)
    wide = LoopRequest(prompt="house", tempo_bpm=Fraction(124), bars=1, seed=77, start=start)
    scene = taught.scene(wide)
    assert not scene.inputs.conditional.equal(first.inputs.conditional)
    assert scene.record["key"] == first.record["key"]
    assert scene.notes[-1] == first.notes[-1].replace("seed 3", "the take's seed 3")  # not the one that this loop has
    kept = noise_to_bytes(start_noise(scene, 5)[0], model="pocket", seed=77, open_seeds=open_seeds(wide))
    again = LoopRequest(prompt="house", tempo_bpm=Fraction(124), bars=1, seed=5, start=Start(noise=kept))
    assert taught.scene(again).inputs.conditional.equal(scene.inputs.conditional)


def test_a_drawn_key_is_said(taught: Pocket) -> None:
    """A producer has to know which key the seed chose; a melody brings its own."""
    assert any("No key was given" in note for note in taught.scene(LoopRequest(prompt="house", seed=1)).notes)
    tune = Control(kind="melody", target=Notes(notes=(Note(60, Fraction(0), Fraction(4)),)))
    for asked in (LoopRequest(prompt="house", key="A minor"), LoopRequest(prompt="house", controls=(tune,))):
        assert not any("No key was given" in note for note in taught.scene(asked).notes)
