"""The closed vocabulary: stable ids, and free text to words."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pocket.condition import multi_hot
from engine.pocket.languages.english import SYNONYMS
from engine.pocket.words import INSTRUMENTS, WORD_IDS, WORDS, parse

_VERSION_1_WORDS = 190
_VERSION_1_SHA256 = "09ba71648644b34af4b3f42cf84ae6db567bfea3ddcdc714604dd3cfd3790e8e"


def test_the_order_of_the_words_never_changes() -> None:
    """Trained weights know words by position: the first 190 are pinned, later ones come after them."""
    first = "\n".join(word.text for word in WORDS[:_VERSION_1_WORDS])
    assert hashlib.sha256(first.encode()).hexdigest() == _VERSION_1_SHA256


def test_ids_are_positions_and_words_are_unique() -> None:
    """A word's id is its place in the table, and no word is there twice."""
    assert [word.id for word in WORDS] == list(range(len(WORDS)))
    assert len(WORD_IDS) == len(WORDS)
    assert sum(word.group == "genre" for word in WORDS) >= 18
    assert {"drums", "bass", "melody", "vinyl"} <= set(INSTRUMENTS)


@pytest.mark.parametrize("shape", [str.upper, str.title, lambda t: t.replace(" ", "-"), lambda t: f"some {t}s"])
def test_every_word_is_understood_as_itself(shape) -> None:
    """Case, hyphens, plurals and stop words around a canonical word change nothing."""
    for word in WORDS:
        parsed = parse(shape(word.text))
        assert parsed.words == (word.text,), word.text
        assert parsed.unknown == (), word.text


def test_every_synonym_means_known_words() -> None:
    """Each row of the synonym table leads to exactly the canonical words on its right."""
    for spelling, meaning in SYNONYMS.items():
        assert set(parse(spelling).words) == set(meaning.split(", ")), spelling
        assert parse(spelling).unknown == (), spelling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dusty boom bap, Rhodes", {"dusty", "boom bap", "electric piano"}),
        ("Hip-Hop beat", {"boom bap", "drums"}),
        ("liquid dnb with a reese", {"drum and bass", "smooth", "reese bass"}),
        ("deep house, not house", {"deep house"}),
        ("acid house", {"house", "acid bass"}),
        ("warm chillhop & vinyl crackle", {"warm", "lo-fi", "chill", "vinyl"}),
    ],
)
def test_phrases_are_matched_longest_first(text: str, words: set[str]) -> None:
    """A phrase of several words wins over the words inside it."""
    assert set(parse(text).words) == words


@pytest.mark.parametrize("negation", ["no", "without", "without any", "NO"])
@pytest.mark.parametrize("layer", ["drums", "bass", "melody", "kick"])
def test_negated_layers_are_words_of_their_own(negation: str, layer: str) -> None:
    """The text "without any bass" is the word "no bass", and never also "bass"."""
    parsed = parse(f"ambient pad {negation} {layer}")
    assert f"no {layer}" in parsed.words
    assert layer not in parsed.words
    assert parsed.unknown == ()


@pytest.mark.parametrize(
    ("text", "tempo_bpm", "key"),
    [
        ("lo-fi 88 bpm F minor", 88.0, "F minor"),
        ("174bpm jungle in f# min", 174.0, "F# minor"),
        ("bpm: 92.5, Bbm", 92.5, "Bb minor"),
        ("techno at 140 BPM", 140.0, None),
        ("pad in E flat major", None, "Eb major"),
        ("D dorian organ", None, "D dorian"),
        ("bells", None, None),
    ],
)
def test_tempo_and_key_are_hints_not_words(text: str, tempo_bpm: float | None, key: str | None) -> None:
    """Tempo and key are taken out of the text and given back apart."""
    parsed = parse(text)
    assert (parsed.tempo_bpm, parsed.key) == (tempo_bpm, key)
    assert parsed.unknown == ()


def test_what_is_not_known_is_reported_once() -> None:
    """A word that the model never learnt is named to the player."""
    parsed = parse("bagpipes and BAGPIPES over house")
    assert parsed.unknown == ("bagpipes",)
    assert parsed.words == ("house",)


@given(st.text(max_size=120))
def test_any_text_is_read_without_an_error(text: str) -> None:
    """Ids are sorted, unique and in range, and the words are theirs."""
    parsed = parse(text)
    assert list(parsed.ids) == sorted(set(parsed.ids))
    assert parsed.words == tuple(WORDS[i].text for i in parsed.ids)
    assert len(set(parsed.unknown)) == len(parsed.unknown)


@given(st.sets(st.integers(0, len(WORDS) - 1)))
def test_multi_hot_marks_exactly_the_ids(ids: set[int]) -> None:
    """The row has a one at each id and nothing else."""
    (row,) = multi_hot([ids])
    assert {i for i, value in enumerate(row.tolist()) if value == 1.0} == ids
    assert row.sum() == len(ids)


@given(st.lists(st.sampled_from([word.text for word in WORDS]), max_size=6))
def test_a_list_of_words_is_read_back(words: list[str]) -> None:
    """Canonical words joined by commas come back, whatever their order; no phrase crosses a comma.

    A word beside its own absence ("drums, no drums") does not: what is refused is not heard.
    """
    wanted = {word for word in words if f"no {word}" not in words}
    assert set(parse(", ".join(words)).words) == wanted
