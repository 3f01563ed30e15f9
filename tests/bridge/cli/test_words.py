"""`ditto-live words`: the vocabulary in six languages, and what a prompt means."""

import json

import pytest

from bridge.cli import main
from engine.pocket.words import WORDS


def _said(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    assert main.run(["words", *line]) == 0
    return capsys.readouterr().out


def test_all_words_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of the 190, in its group."""
    said = _said(capsys)
    assert all(word.text in said for word in WORDS)
    assert said.startswith("genre: house, ")


@pytest.mark.parametrize(
    ("search", "first", "found"),
    [
        (["Klavier"], "Heard: piano.", "German: klavier"),
        (["ピアノ"], "Heard: piano.", "French: pianos"),
        (["vocals"], "Heard: choir; vocals heard as choir, pocket has no vocals.", "(heard as choir)"),
        (["sad", "piano,", "no", "drums"], "Heard: melancholic, piano, no drums.", "German: melancholisch"),
        (["techo"], "Heard: nothing; not known: techo (techno?); the seed alone decides.", ""),
    ],
)
def test_a_word_is_found_in_any_language(
    search: list[str], first: str, found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is heard of it, and what it is called in the others."""
    said = _said(capsys, *search)
    assert said.startswith(first)
    assert found in said


def test_a_word_is_not_found_inside_another(capsys: pytest.CaptureFixture[str]) -> None:
    """Who looks for rain is not shown what the French entraînant means."""
    said = _said(capsys, "rain")
    assert "uplifting" not in said
    assert "(heard as noise, texture)" in said
    assert "techno" in _said(capsys, "tech")


def test_a_prompts_settings_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Tempo, key, metre and bars that a request would take from it."""
    said = _said(capsys, "house at 124 bpm in F minor, 7/8, 8 bars, no hats")
    assert said.splitlines()[1] == "The prompt says 124 BPM, F minor, 7/8, 8 bars."


def test_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """The spellings by word and language, and what was heard."""
    said = json.loads(_said(capsys, "--json", "Regen"))
    assert said["heard"]["substitutions"] == {"regen": ["texture", "noise"]}
    assert "regen" in said["words"]["heard as texture, noise"]["German"]


def test_a_text_that_no_request_could_have_is_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred thousand letters are not searched for."""
    assert main.run(["words", "x" * 100_000]) == 2
    said = capsys.readouterr().err
    assert said.startswith("The text has 100,000 characters; a prompt may have 2,000.")
    assert len(said) < 300
