"""German, Spanish, French, Portuguese and Japanese beside English: every word, every refusal, every only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pocket.languages.english import STRANGERS, SUBSTITUTES
from engine.pocket.languages.families import members
from engine.pocket.languages.french import FRENCH
from engine.pocket.languages.german import GERMAN
from engine.pocket.languages.japanese import JAPANESE
from engine.pocket.languages.language import Language
from engine.pocket.languages.lexicon import spellings
from engine.pocket.languages.portuguese import PORTUGUESE
from engine.pocket.languages.spanish import SPANISH
from engine.pocket.model import WEIGHTS
from engine.pocket.prompts import ParsedPrompt, parse_prompt, sentences
from engine.pocket.repertoire import Repertoire
from engine.pocket.words import INSTRUMENTS, WORD_IDS, WORDS, parse
from engine.takes.noise import OpenSeeds

LANGUAGES = [GERMAN, SPANISH, FRENCH, PORTUGUESE, JAPANESE]
COMPANY = {"German": "mit", "Spanish": "con", "French": "avec", "Portuguese": "com", "Japanese": "の"}
REPERTOIRE = Repertoire.load(WEIGHTS / "repertoire.safetensors")
# an instrument, in each language, and the canonical word for it
THINGS = {
    "English": {"drums": "drums", "bass": "bass", "piano": "piano", "strings": "strings", "bells": "bells"},
    "German": {"Schlagzeug": "drums", "Bass": "bass", "Klavier": "piano", "Streicher": "strings", "Glocken": "bells"},
    "Spanish": {"batería": "drums", "bajo": "bass", "piano": "piano", "cuerdas": "strings", "campanas": "bells"},
    "French": {"batterie": "drums", "basse": "bass", "piano": "piano", "cordes": "strings", "cloches": "bells"},
    "Portuguese": {"bateria": "drums", "baixo": "bass", "piano": "piano", "cordas": "strings", "sinos": "bells"},
    "Japanese": {"ドラム": "drums", "ベース": "bass", "ピアノ": "piano", "ストリングス": "strings", "ベル": "bells"},
}
REFUSALS = {
    "English": ["no {0}", "without {0} and {1}", "neither {0} nor {1}", "{0}-free", "no {0} or {1}, please",
                "without {0}, {1} or {2}", "{0}? no. {1}? no.", "everything but {0}", "don't use {0}", "{0} off"],
    "German": ["ohne {0}", "kein {0} und kein {1}", "weder {0} noch {1}", "ohne {0}, {1} oder {2}"],
    "Spanish": ["sin {0}", "sin {0} ni {1}", "no quiero {0}", "nada de {0}", "sin {0}, {1} ni {2}"],
    "French": ["sans {0}", "pas de {0}", "ni {0} ni {1}", "sans {0}, {1} ou {2}", "sans {0} ni {1}"],
    "Portuguese": ["sem {0}", "sem {0} nem {1}", "não quero {0}", "nada de {0}", "sem {0}, {1} ou {2}"],
    "Japanese": ["{0}なし", "{0}と{1}なし", "{0}抜き", "{0}はいらない", "{0}も{1}もなし", "{0}ではない"],
}  # fmt: skip
ONLYS = {
    "English": ["only {0}", "just {0}", "nothing but {0}", "{0} only", "{0} alone", "only {0} and {1}"],
    "German": ["nur {0}", "{0} allein", "ausschließlich {0} und {1}", "nichts als {0}"],
    "Spanish": ["solo {0}", "únicamente {0} y {1}", "nada más que {0}", "{0} y nada más"],
    "French": ["uniquement {0}", "seulement {0} et {1}", "rien que {0}", "{0} et rien d'autre"],
    "Portuguese": ["só {0}", "apenas {0} e {1}", "somente {0}", "nada além de {0}"],
    "Japanese": ["{0}だけ", "{0}と{1}だけ", "{0}のみ"],
}


def _patterns(table: dict[str, list[str]]) -> st.SearchStrategy[tuple[str, str]]:
    return st.sampled_from([(language, pattern) for language, patterns in table.items() for pattern in patterns])


def _filled(language: str, pattern: str, things: list[str]) -> tuple[str, set[str]]:
    used = [thing for place, thing in enumerate(things) if f"{{{place}}}" in pattern]
    return pattern.format(*things), {THINGS[language][thing] for thing in used}


def _draws(parsed: ParsedPrompt, prompt: str, seed: int) -> set[str]:
    asked = parse(prompt)
    whole = REPERTOIRE.complete(
        asked.ids, asked.refused, OpenSeeds(seed, seed), tempo_bpm=120, key=None, is_open=asked.is_open
    )
    return {WORDS[word].text for word in whole.ids} - set(parsed.words)


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_every_word_has_its_spellings_in_every_language(language: Language) -> None:
    """None of the 190 is missing, and each spelling beside a word of its language is heard as those words, no less."""
    assert [word.text for word in WORDS if not language.words.get(word.text)] == []
    for meant, row in {**language.words, **language.substitutes}.items():
        assert set(meant.split(", ")) <= WORD_IDS.keys()
        for spelling in row.split(", "):
            parsed = parse_prompt(f"{COMPANY[language.name]} {spelling.removeprefix('?')}")
            if meant == "solo" and not parsed.words:
                continue  # alone, of nothing
            found = set(parsed.words) | (
                {meant} if {"drums", "bass"} & set(parsed.words) and "solo" in parsed.words else set()
            )
            assert set(meant.split(", ")) <= found, spelling
            assert parsed.unknown == (), spelling


@given(chosen=_patterns(REFUSALS), seed=st.integers(0, 2**32 - 1), order=st.permutations(range(5)))
def test_what_is_refused_is_neither_heard_nor_drawn(chosen: tuple[str, str], seed: int, order: list[int]) -> None:
    """In every language and every way to say no, whatever else the prompt says; nor any of its family."""
    language, pattern = chosen
    things = list(THINGS[language])
    text, refused = _filled(language, pattern, [things[place] for place in order])
    for prompt in (text, f"techno, {text}", f"{text}, house"):
        parsed = parse_prompt(prompt)
        assert not refused & set(parsed.words), prompt
        assert not refused - {word.removeprefix("no ") for word in (*parsed.refused, *parsed.words)}, prompt
        drawn = _draws(parsed, prompt, seed)
        assert not drawn & set(INSTRUMENTS) & set().union(*map(members, refused)), prompt


@given(chosen=_patterns(ONLYS), seed=st.integers(0, 2**32 - 1), order=st.permutations(range(5)))
def test_an_only_leaves_out_all_else(chosen: tuple[str, str], seed: int, order: list[int]) -> None:
    """What follows it is heard, and no instrument of another layer is drawn beside it."""
    language, pattern = chosen
    things = list(THINGS[language])
    text, wanted = _filled(language, pattern, [things[place] for place in order])
    for prompt in (text, f"techno, {text}"):
        parsed = parse_prompt(prompt)
        named = wanted - {word.removesuffix(" only") for word in parsed.words} - set(parsed.words)
        assert not named - ({"drums", "bass"} if "drums and bass only" in parsed.words else set()), prompt
        layers = {"drums", "bass"} - wanted
        drawn = _draws(parsed, prompt, seed) & set(INSTRUMENTS)
        assert not drawn & set().union(set(), *map(members, layers)), prompt


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("lo-fi drums, chill, Regenn", "Heard: lo-fi, drums, chill; not known: regenn (regen?)."),
        ("house, vocals", "Heard: house, choir; vocals heard as choir, pocket has no vocals."),
        ("deep house, not dark", "Heard: deep house; kept away: dark."),
        ("only pads", "Heard: pad, chords only."),
        ("asdf qwerty", "Heard: nothing; not known: asdf, qwerty; the seed alone decides."),
        ("90 bpm", "Heard: no words, so the seed alone decides the rest."),
    ],
)
def test_one_sentence_says_what_was_heard(prompt: str, sentence: str) -> None:
    """Words, what stands for what, what is kept away, and what is not known with the nearest word."""
    assert parse_prompt(prompt).sentence.startswith(sentence)


@pytest.mark.parametrize("ending", ["er", "es", "en", "em", "e"])
@pytest.mark.parametrize(
    ("spelling", "word"),
    [
        ("düster", "dark"), ("duester", "dark"), ("kalt", "cold"), ("locker", "chill"), ("heiter", "happy"),
        ("rau", "gritty"), ("karg", "sparse"), ("laut", "loud"), ("mysteriös", "mysterious"), ("gläsern", "glassy"),
        ("schwer", "fat"), ("trocken", "dry"), ("treibend", "rolling"),
    ],
)  # fmt: skip
def test_german_words_that_describe_are_heard_with_each_ending(spelling: str, word: str, ending: str) -> None:
    """They end as the thing beside them does: düsterer Techno, ein düsteres Klavier."""
    for prompt in (f"{spelling}{ending} Techno", f"Techno mit {spelling}{ending} Klang"):
        parsed = parse_prompt(prompt)
        assert word in parsed.words, prompt
        assert not parsed.unknown, prompt


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("dusti boom bab", {"dusti": "dust", "boom bab": "boom bap"}),
        ("bom bap, house", {"bom bap": "boom bap"}),
        ("house, deep hous", {"deep hous": "deep house"}),
        ("dark technoo", {"technoo": "techno"}),
        ("boom, bab", {"boom": "boomy", "bab": ""}),
    ],
)
def test_two_neighbours_that_are_nearly_a_known_term_are_offered_it(prompt: str, unknown: dict[str, str]) -> None:
    """Of two words the term that they are near to is asked back, not a word for each; a comma keeps them apart."""
    assert {one.text: one.nearest for one in parse_prompt(prompt).unknown} == unknown


def test_both_prompts_are_answered() -> None:
    """The negative prompt has a line of its own, an empty one has none."""
    assert sentences("", " ") == ()
    assert sentences("house", "vocals, blorb") == (
        "Heard: house.",
        "Negative prompt: kept away: choir; not known: blorb.",
    )


def test_a_substitution_is_named_in_every_language() -> None:
    """Who asks for a voice hears that there is none, and so for each row of the tables."""
    for entry in spellings():
        if entry.is_substitute:
            prompt = f"{COMPANY.get(entry.language, 'with')} {entry.spelling}"
            assert parse_prompt(prompt).substitutions or entry.spelling in SUBSTITUTES, prompt
    for spelling in SUBSTITUTES:
        assert parse_prompt(spelling).substitutions, spelling


def test_words_of_music_that_is_not_known_stay_unknown() -> None:
    """Nothing else is heard for rock or metal, and no form of another language's word."""
    for word in STRANGERS:
        assert parse_prompt(word).words == (), word
        assert [one.text for one in parse_prompt(word).unknown] == [word]


def test_a_beat_is_a_whole_loop_and_drums_are_drums() -> None:
    """A chill beat gets chords and a key as a bare genre does; drums that are named stay alone."""
    assert parse("lofi chill beat with rain").is_open
    assert not parse("lofi chill drums").is_open
    assert not parse("only a drum loop").is_open
    beat = parse("lofi chill beat")
    whole = REPERTOIRE.complete(beat.ids, beat.refused, OpenSeeds(3, 3), tempo_bpm=80, key=None, is_open=beat.is_open)
    assert whole.key is not None
    assert {WORDS[word].text for word in whole.ids} & {"chords", "bass", "melody"}


@given(st.text(max_size=200))
def test_any_text_is_heard(text: str) -> None:
    """Without an error; what is heard is of the vocabulary, and nothing that is kept away is heard."""
    parsed = parse_prompt(text)
    assert set(parsed.words) <= WORD_IDS.keys()
    assert not set(parsed.kept_away) & set(parsed.words)
    assert parse_prompt(text.upper()).bars == parsed.bars


def test_captions_of_training_are_read_as_they_were_written() -> None:
    """The words of 600 loops that were learnt from, in any order, come back as those words and no other."""
    shuffled = np.random.default_rng(7)
    for row in REPERTOIRE.said[:: len(REPERTOIRE.said) // 600]:
        ids = shuffled.permutation(np.flatnonzero(row))
        parsed = parse(", ".join(WORDS[word].text for word in ids))
        assert parsed.ids == tuple(sorted(ids.tolist()))
        assert parsed.unknown == ()


@pytest.mark.parametrize(
    ("prompt", "words", "refused"),
    [
        ("not only drums but also bass", {"drums", "bass"}, set()),
        ("not too much bass, pads", {"pad"}, set()),
        ("drums no, pads yes", {"pad", "no drums"}, {"drums"}),
        ("no distorted guitar, clean bass", {"clean", "bass"}, {"guitar"}),
        ("no drums and a soft pad", {"no drums", "soft", "pad"}, {"drums"}),
        ("synth pad w/out drums", {"pad", "no drums"}, {"drums"}),
        ("anything but jazz", set(), {"jazzy"}),
        ("unruhiger Jungle-Beat", {"busy", "jungle", "drums"}, set()),
        ("apenas bateria e piano", {"drums", "piano", "no bass"}, set()),
    ],
)
def test_what_stands_beside_a_refusal_is_its_own(prompt: str, words: set[str], refused: set[str]) -> None:
    """A refusal goes as far as it is meant to, and no farther."""
    parsed = parse_prompt(prompt)
    assert (set(parsed.words), set(parsed.refused)) == (words, refused)


@pytest.mark.parametrize(
    ("prompt", "settings_said"),
    [
        ("キーはAm、テンポは90", (90, "A minor", None, None)),
        ("Gm 90 lofi", (90, "G minor", None, None)),
        ("90-100 bpm", (95, None, None, None)),
        ("in five four time", (None, None, "5/4", None)),
        ("house in b-Moll, 8 Takte", (None, "Bb minor", None, 8)),
        ("8B trance", (None, "C major", None, None)),
        ("a minor change of mood", (None, None, None, None)),
        ("acordes em dó menor", (None, "C minor", None, None)),
        ("fm synth, 303, 909, 1/16 hats, a fill every 4 bars", (None, None, None, None)),
    ],
)
def test_settings_are_read_as_they_are_written(prompt: str, settings_said: tuple[object, ...]) -> None:
    """Tempo, key, metre and bars, in the spelling of each language; numbers that are none of them stay out."""
    parsed = parse_prompt(prompt)
    metre = None if parsed.time_signature is None else str(parsed.time_signature)
    assert (parsed.tempo_bpm, parsed.key, metre, parsed.bars) == settings_said
