"""Three hundred prompts as producers write them: what must be heard, what must not, and which settings they name."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from engine.pocket.languages.tokens import fold
from engine.pocket.prompts import ParsedPrompt, parse_prompt
from engine.pocket.words import WORD_IDS
from midi.key import Key

PROMPTS = Path(__file__).parent / "prompts"
MIN_SHARE = 0.95


@dataclass(frozen=True)
class Concept:
    """A plain concept: choices of words that it is heard as, spellings where it has no word, and its opposites."""

    heard_as: tuple[frozenset[str], ...]
    spellings: tuple[str, ...]
    never: frozenset[str]

    def is_heard(self, parsed: ParsedPrompt) -> bool:
        """Whether one of its words is heard, or its spelling is said to be unknown or heard as something else."""
        said = set(parsed.words)
        named = fold(" ".join([s.text for s in parsed.unknown] + [s.text for s in parsed.substitutions]))
        return any(words <= said for words in self.heard_as) or any(fold(word) in named for word in self.spellings)


@dataclass(frozen=True)
class Expected:
    """One row of a file of prompts."""

    prompt: str
    concepts: tuple[tuple[str, ...], ...]
    refused: tuple[str, ...]
    settings: dict[str, str]


def _rows(name: str) -> list[list[str]]:
    lines = (PROMPTS / name).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line.strip() and not line.startswith("#")]


def _concepts() -> dict[str, Concept]:
    found = {}
    for name, heard_as, never in _rows("concepts.txt"):
        choices = [choice.strip() for choice in heard_as.split("/")]
        words = tuple(frozenset(w.strip() for w in c.split("+")) for c in choices if c and not c.startswith("~"))
        spellings = tuple(choice.removeprefix("~") for choice in choices if choice.startswith("~"))
        found[name] = Concept(words, spellings, frozenset(_list(never)))
    return found


def _list(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(",") if part.strip()]


def _expected(name: str) -> list[Expected]:
    return [
        Expected(
            prompt,
            tuple(tuple(one.split(" or ")) for one in _list(wanted)),
            tuple(word for one in _list(refused) for word in one.split(" or ")),
            dict(setting.split(" ", 1) for setting in _list(settings)),
        )
        for prompt, wanted, refused, settings in _rows(name)
    ]


CONCEPTS = _concepts()
NAMES = ("unseen.txt", "seen.txt", "typed.txt")
ALL = [row for name in NAMES for row in _expected(name)]


def _wrong_settings(parsed: ParsedPrompt, wanted: dict[str, str]) -> list[str]:
    said = {
        "tempo": parsed.tempo_bpm,
        "key": None if parsed.key is None else Key.parse(parsed.key),
        "metre": None if parsed.time_signature is None else str(parsed.time_signature),
        "bars": parsed.bars,
    }
    read: dict[str, Callable[[str], object]] = {"tempo": Fraction, "key": Key.parse, "metre": str, "bars": int}
    right = {name: read[name](wanted[name]) if name in wanted else None for name in said}
    return [f"{name} is {said[name]}, not {right[name]}" for name in said if said[name] != right[name]]


def _missed(row: Expected) -> list[str]:
    parsed = parse_prompt(row.prompt)
    missed = [
        f"{' or '.join(concept)} is not heard"
        for concept in row.concepts
        if not any(CONCEPTS[name].is_heard(parsed) for name in concept)
    ]
    return missed + _wrong_settings(parsed, row.settings)


def _opposites(row: Expected) -> list[str]:
    said = set(parse_prompt(row.prompt).words)
    return [f"{name} is heard as {sorted(CONCEPTS[name].never & said)}" for name in row.refused
            if CONCEPTS[name].never & said]  # fmt: skip


def test_there_are_three_hundred_prompts_and_a_word_for_each_concept() -> None:
    """Half of them, at least, by somebody who had not seen the vocabulary; concepts are of the vocabulary's words."""
    assert len(ALL) >= 300
    assert len(_expected("unseen.txt")) >= 150
    named = {name for row in ALL for name in (*sum(row.concepts, ()), *row.refused)}
    assert named <= CONCEPTS.keys()
    words = {word for one in CONCEPTS.values() for word in (*one.never, *frozenset().union(*one.heard_as))}
    assert words <= WORD_IDS.keys()
    assert all(CONCEPTS[name].never for row in ALL for name in row.refused)


def test_no_prompt_is_heard_as_its_opposite() -> None:
    """Nothing that a prompt refuses is among the words that were heard."""
    opposites = {row.prompt: wrong for row in ALL if (wrong := _opposites(row))}
    assert not opposites


@pytest.mark.parametrize("name", NAMES)
def test_prompts_are_heard(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """At least 95 % of each file are heard whole, with tempo, key, metre and bars; the misses are printed."""
    rows = _expected(name)
    missed = {row.prompt: wrong for row in rows if (wrong := _missed(row))}
    with capsys.disabled():
        print(f"\n{name}: {len(rows) - len(missed)} of {len(rows)} heard")
        for prompt, wrong in missed.items():
            print(f"  {prompt}: {', '.join(wrong)}")
    assert len(missed) <= (1 - MIN_SHARE) * len(rows)
