"""`ditto-live words`: the vocabulary with its translations, and how a prompt is understood."""

import json
import re
import sys
from collections import defaultdict
from itertools import chain
from typing import Annotated

import typer

from bridge.requests.hinted import settings_in
from engine.errors import BadRequestError
from engine.pocket.languages.lexicon import Entry, spellings
from engine.pocket.languages.tokens import fold
from engine.pocket.languages.vocabulary import WORDS
from engine.pocket.prompts import parse_prompt

MAX_PROMPT = 2_000  # as of a request
MAX_SPELLINGS = 6  # shown of one word in one language


def words(
    search: Annotated[
        list[str] | None, typer.Argument(metavar="[SEARCH]", help="A word in any language, or a whole prompt.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the vocabulary of pocket, or the words that match SEARCH, and how SEARCH would be read as a prompt."""
    text = " ".join(search or [])
    if len(text) > MAX_PROMPT:
        raise BadRequestError(f"The text has {len(text):,} characters; a prompt may have {MAX_PROMPT:,}.")
    found = _matching(text)
    if as_json:
        said = {"words": found} | ({"heard": parse_prompt(text).plain()} if text else {})
        sys.stdout.write(json.dumps(said) + "\n")
        return
    if not text:
        sys.stdout.write(_groups())
        return
    sys.stdout.write("".join(f"{line}\n" for line in (parse_prompt(text).sentence, *settings_in(text))))
    sys.stdout.write("".join(_row(word, named) for word, named in found.items()))


def _groups() -> str:
    groups: dict[str, list[str]] = defaultdict(list)
    for word in WORDS:
        groups[word.group].append(word.text)
    rows = "\n".join(f"{group}: {', '.join(texts)}" for group, texts in groups.items())
    return f"{rows}\n\n`ditto-live words WORD` shows what else a word is called, in English and five other languages.\n"


def _matching(text: str) -> dict[str, dict[str, list[str]]]:
    """Return by canonical words their spellings by language, where the words or a spelling hold the text."""
    sought = re.compile(rf"\b{re.escape(fold(text))}" if text.isascii() else re.escape(fold(text)))
    by_words: dict[str, dict[str, list[str]]] = {}
    understood = set(parse_prompt(text).words)
    for entry in spellings():
        by_words.setdefault(_named(entry), {}).setdefault(entry.language, []).append(entry.spelling)
    return {word: named for word, named in by_words.items() if word in understood or _holds(sought, word, named)}


def _holds(sought: re.Pattern[str], word: str, named: dict[str, list[str]]) -> bool:
    """Whether a spelling has a word that begins so; in Japanese, which has no spaces, anywhere."""
    return any(sought.search(fold(one)) for one in (word, *chain.from_iterable(named.values())))


def _named(entry: Entry) -> str:
    joined = ", ".join(entry.words)
    return f"heard as {joined}" if entry.is_substitute else joined


def _row(word: str, named: dict[str, list[str]]) -> str:
    lines = [word] if not word.startswith("heard as") else [f"({word})"]
    for language, known in named.items():
        shown = [one for one in known if one != word][:MAX_SPELLINGS]
        if shown:
            lines.append(f"  {language}: {', '.join(shown)}")
    return "\n".join(lines) + "\n"
