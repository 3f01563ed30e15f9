"""Clauses of tokens to segments: the longest known phrases, each with what it does, and what is not known."""

from collections.abc import Sequence
from dataclasses import dataclass

from .language import Role
from .lexicon import Entry, Order
from .tokens import Clause, Token, clauses, is_japanese, is_katakana, spelt


@dataclass(frozen=True, slots=True)
class Segment:
    """A phrase of a prompt as it was typed, and what it is."""

    text: str
    entry: Entry

    @property
    def role(self) -> Role:
        """What it does."""
        return self.entry.role

    @property
    def words(self) -> tuple[str, ...]:
        """The canonical words that it names."""
        return self.entry.words


@dataclass(frozen=True, slots=True)
class Part:
    """The segments of one clause and the sign that ends it."""

    segments: tuple[Segment, ...]
    stop: str


def read_parts(text: str) -> list[Part]:
    """Return the clauses of a text, segmented; Japanese and every language of the tables may be mixed."""
    found = clauses(text)
    order = Order.of([token for clause in found for token in clause.tokens])
    return [Part(tuple(_segments(clause, order)), clause.stop) for clause in found]


def _segments(clause: Clause, order: Order) -> list[Segment]:
    tokens, found = clause.tokens, list[tuple[int, Segment]]()
    position = 0
    while position < len(tokens):
        match = order.find(tokens, position)
        if match is not None:
            length, entry = match
            found.append((position, Segment(_typed(tokens[position : position + length]), entry)))
            position += length
            continue
        if parts := order.compound(tokens[position]):
            found += [(position, Segment(entry.spelling, entry)) for entry in parts]
            position += 1
            continue
        start, end = _unknown_run(tokens, position, order)
        while found and found[-1][0] >= start:  # the first signs of a loan word that is not known
            found.pop()
        text = _typed(tokens[start:end])
        found.append((start, Segment(text, Entry(text, Role.UNKNOWN))))
        position = end
    return [segment for _, segment in found]


def _unknown_run(tokens: Sequence[Token], position: int, order: Order) -> tuple[int, int]:
    """Return where what is not known begins and ends: a word, a whole loan word, or signs up to the next known one."""
    start, end = position, position + 1
    if not is_japanese(tokens[position].text):
        return start, end
    if is_katakana(tokens[position].text):
        while start > 0 and is_katakana(tokens[start - 1].text):
            start -= 1
        while end < len(tokens) and is_katakana(tokens[end].text):
            end += 1
        return start, end
    while end < len(tokens) and is_japanese(tokens[end].text) and order.find(tokens, end) is None:
        end += 1
    return start, end


def _typed(tokens: Sequence[Token]) -> str:
    return spelt([token.text for token in tokens])
