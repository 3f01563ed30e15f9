"""Kinds of things that producers type, each by several of its kind: how far a refusal reaches, forms, two tempi."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pocket.prompts import parse_prompt, settings_overruled
from engine.request import LoopRequest
from midi.tempo import Meter

STRANGERS = st.text(alphabet="bcdfghjklmnpqrstvwxz", min_size=6, max_size=9)
NO_DRUMS = ("no {} drums", "without {} drums", "ohne {} Schlagzeug", "kein {} Schlagzeug", "sin {} batería",
            "no {} batería", "pas de {} batterie", "sans {} batterie", "sem {} bateria", "não {} bateria")  # fmt: skip


@given(refusal=st.sampled_from(NO_DRUMS), stranger=STRANGERS)
def test_a_word_that_is_not_known_does_not_turn_a_refusal_round(refusal: str, stranger: str) -> None:
    """In "no cheesy drums" there are no drums, whatever the word between means, and that word is said."""
    parsed = parse_prompt(refusal.format(stranger))
    assert "no drums" in parsed.words
    assert "drums" not in parsed.words


@pytest.mark.parametrize(
    "prompt",
    ["Schlagzeug ist verboten", "Schlagzeug weg", "auf keinen Fall Schlagzeug", "pas de batterie du tout",
     "batterie interdite", "que no tenga batería", "batería fuera", "bateria proibida", "de jeito nenhum bateria",
     "ドラム禁止", "ドラムは使わないで", "rather bass than drums", "lieber Bass als Schlagzeug", "drums are forbidden",
     "I don't like drums", "don't include drums", "exclude drums", "drums excluded", "drums are not wanted",
     "drums: none", "0 drums", "pads -drums", "-drums -bass", "strip out the drums", "nix Drums", "weg mit den Drums",
     "Drums? Nein danke", "quita la batería", "fuera la batería", "enlève la batterie", "vire la batterie",
     "tira a bateria", "ドラムを消して", "ドラムを抜いて", "swap the drums for strings",
     "ersetze die Drums durch Streicher", "remplace la batterie par des cordes", "cambia la batería por cuerdas",
     "under no circumstances drums", "schlagzeugfrei", "schlagzeuglose Fläche"],
)  # fmt: skip
def test_a_refusal_has_many_forms(prompt: str) -> None:
    """Before, behind or as an ending of what is refused, in every language: it is never heard as a wish for it."""
    parsed = parse_prompt(prompt)
    assert "drums" in parsed.refused
    assert not {"drums", "full mix"} & set(parsed.words)


@pytest.mark.parametrize(
    ("prompt", "wanted", "refused"),
    [
        ("kickless techno", {"techno"}, {"kick"}),
        ("bass and kickless house", {"bass", "house"}, {"kick"}),
        ("gitarrenlose Ballade mit Klavier", {"piano"}, {"guitar"}),
        ("vocal-free garage", {"uk garage"}, {"choir"}),
        ("relentless drums, endless pad", {"drums", "pad"}, set()),
    ],
)
def test_an_ending_refuses_its_own_word_alone(prompt: str, wanted: set[str], refused: set[str]) -> None:
    """Any known word may end so; what merely ends so, or stands beside it, is left alone."""
    parsed = parse_prompt(prompt)
    assert wanted <= set(parsed.words)
    assert set(parsed.refused) == refused


@pytest.mark.parametrize("prompt", ["- drums", "- pads\n- drums", "lo-fi drums", "10 drums", "-12 dB drums"])
def test_a_dash_or_a_number_alone_refuses_nothing(prompt: str) -> None:
    """Lists have dashes, and levels have signs."""
    assert "drums" in parse_prompt(prompt).words


@pytest.mark.parametrize(
    "words", ["not sure, maybe drums", "no idea, drums", "don't care, drums", "kein Problem, Drums"]
)
def test_a_manner_of_speaking_refuses_nothing(words: str) -> None:
    """Who does not know what he wants has not refused it."""
    assert "no drums" not in parse_prompt(words).words


@pytest.mark.parametrize(
    "ending", ["nothing else", "and nothing else", "sonst nichts", "rien d'autre", "nada más", "nada mais", "それだけ"]
)
def test_nothing_else_is_of_all_that_was_named(ending: str) -> None:
    """Behind a comma, too: what was named sounds, and no other layer."""
    parsed = parse_prompt(f"kick, snare, {ending}")
    assert parsed.is_only
    assert {"bass", "chords", "melody", "hats"} <= set(parsed.kept_away)


@pytest.mark.parametrize(
    ("prompt", "word"),
    [("make it darker", "dark"), ("the darkest", "dark"), ("darkness", "dark"), ("happiness", "happy"),
     ("slowly", "slow"), ("punchier", "punchy"), ("with more punch", "punchy"), ("warmth", "warm"),
     ("housey", "house"), ("fatter", "fat"), ("mit Druck", "punchy"), ("de la chaleur", "warm"),
     ("con calidez", "warm"), ("com energia", "energetic"), ("暖かさ", "warm")],
)  # fmt: skip
def test_a_quality_is_heard_in_its_other_forms(prompt: str, word: str) -> None:
    """Darker, darkest, darkness and with punch say what dark and punchy say."""
    assert word in parse_prompt(prompt).words
    assert not parse_prompt(prompt).unknown


@pytest.mark.parametrize(
    "prompt", ["mood", "summer", "river", "ladder", "heavily swung", "the other one", "a minor way"]
)
def test_what_only_looks_like_a_form_is_none(prompt: str) -> None:
    """No quality is heard in a word that happens to end like one."""
    assert set(parse_prompt(prompt).words) <= {"swing", "minor"}
    assert parse_prompt(prompt).key is None


@pytest.mark.parametrize(
    ("prompt", "counts", "said"),
    [
        ("60 bpm to 120 bpm", ("tempo_bpm", 60), "not used: 120 bpm (60 counts)"),
        ("A minor or C major", ("key", "A minor"), "not used: C major (A minor counts)"),
        ("4 bars, then 8 bars", ("bars", 4), "not used: 8 bars (4 counts)"),
        ("32 bars of house", ("bars", None), "not used: 32 bars (1 to 16 are possible)"),
        ("2000 bpm techno", ("tempo_bpm", None), "not used: 2000 bpm (20 to 999 are possible)"),
    ],
)
def test_a_setting_that_does_not_count_is_said(prompt: str, counts: tuple[str, object], said: str) -> None:
    """Of two tempi, keys or lengths the first counts, and an impossible one does not; neither goes in silence."""
    parsed = parse_prompt(prompt)
    assert getattr(parsed, counts[0]) == counts[1]
    assert said in parsed.sentence


@pytest.mark.parametrize(
    ("prompt", "fields", "said"),
    [
        ("dub at 90 bpm", {}, "The prompt says 90 BPM, but the request has 120 BPM, and that counts."),
        ("dub in F minor", {}, "The prompt says F minor, and so the loop is made."),
        ("dub in F minor", {"key": "Am"}, "The prompt says F minor, but the request has Am, and that counts."),
        ("waltz in 3/4", {}, "The prompt says 3/4, but the request has 4/4, and that counts."),
        ("8 bars of dub", {"bars": 1}, "The prompt says 8 bars, but the request has 1 bar, and that counts."),
        (
            "dub at 90 bpm, 3/4, in Bb minor, 2 bars",
            {"tempo_bpm": 90, "meter": "3/4", "key": "A# minor", "bars": 2},
            "",
        ),
    ],
)
def test_what_a_prompt_says_of_a_request_made_in_python_is_never_passed_over(
    prompt: str, fields: dict[str, object], said: str
) -> None:
    """A `LoopRequest` has its own tempo, key, metre and bars: where the prompt names others, that is said."""
    assert settings_overruled(LoopRequest(prompt=prompt, **fields)) == ((said,) if said else ())  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", ["120 bpm, 120bpm", "8A, A minor", "a fill every 4 bars, 8 bars"])
def test_a_setting_that_is_said_twice_is_no_news(prompt: str) -> None:
    """Only what differs is said not to be used."""
    assert parse_prompt(prompt).unused == ()


@pytest.mark.parametrize("prompt", ["less bright", "not too much bass", "hardly any reverb", "weniger Bass"])
def test_what_a_prompt_wants_less_of_is_said(prompt: str) -> None:
    """It is not added, and the sentence says so instead of that nothing was heard."""
    assert "not added: " in parse_prompt(prompt).sentence
    assert "nothing" not in parse_prompt(prompt).sentence


@pytest.mark.parametrize("name", ["new wave", "darkwave", "jersey club", "acid jazz", "tape wobble", "happy hardcore"])
def test_a_name_of_two_words_is_not_heard_by_its_parts(name: str) -> None:
    """No wave is heard as the sea, no jazz as an acid bass; a style that is not known is said, and its stand-in."""
    parsed = parse_prompt(name)
    assert not {"noise", "texture", "acid bass", "wobble bass"} & set(parsed.words)
    assert parsed.words
    assert name == "tape wobble" or f"pocket has no {name}" in parsed.sentence


@pytest.mark.parametrize("prompt", ["house, no guitar solo", "house without guitar solo", "House, kein Gitarre Solo"])
def test_a_solo_of_what_is_refused_is_refused(prompt: str) -> None:
    """It was heard as a wish for a solo: a loop of one layer."""
    assert "solo" not in parse_prompt(prompt).words


@pytest.mark.parametrize("prompt", ["house, no bass, guitar solo", "no drums piano solo"])
def test_a_solo_of_another_stays(prompt: str) -> None:
    """The list ended before it."""
    assert "solo" in parse_prompt(prompt).words


def test_a_word_without_end_is_shown_short() -> None:
    """Two thousand signs without a space are told as their first forty."""
    assert parse_prompt("house " + "x" * 1990).sentence == f"Heard: house; not known: {'x' * 40}…."


@pytest.mark.parametrize(
    "prompt", ["waltz", "jazz waltz, 180 bpm", "langsamer Walzer", "valse musette", "un vals", "ワルツ"]
)
def test_a_waltz_is_in_three(prompt: str) -> None:
    """Whoever writes the word has named the metre, in any language; it stays a word, too."""
    parsed = parse_prompt(prompt)
    assert parsed.time_signature == Meter(3, 4)
    assert "waltz" in parsed.words


@pytest.mark.parametrize(
    ("prompt", "meter"),
    [("waltz in 6/8", Meter(6, 8)), ("house, no waltz", None), ("kein Walzer, house", None), ("ワルツではない", None)],
)
def test_another_metre_and_a_refusal_count_before_the_waltz(prompt: str, meter: Meter | None) -> None:
    """A metre that is named, or none."""
    assert parse_prompt(prompt).time_signature == meter
