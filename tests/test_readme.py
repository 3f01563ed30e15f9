"""What the README and the docs tell people to type exists; what they point at is there."""

import re
import shlex
from importlib import import_module
from itertools import groupby
from pathlib import Path

import pytest
import typer

from bridge.cli.main import COMMANDS, parse
from bridge.cli.options import typed_settings
from bridge.requests.reader import read_request
from engine.request import LAYERS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    (ditto-live .*)$", re.MULTILINE)  # what follows three blanks says what it does
_INLINE = re.compile(r"`((?:\.venv/bin/)?ditto-live [^`…]+)`")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the fenced blocks of a page: language and text."""
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(page: Path) -> list[list[str]]:
    """Return every `ditto-live` command line of a page, in shell blocks, indented lines and a sentence, as words."""
    found = []
    text = page.read_text(encoding="utf-8")
    shells = [block for language, block in blocks(page) if language in ("sh", "bat")]
    shells += [line.partition("   ")[0] for line in _INDENTED.findall(text)] + _INLINE.findall(text)
    for shell in shells:
        for line in shell.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.replace(".venv\\Scripts\\", ""), posix=True, punctuation_chars="|&")
            lexer.whitespace_split = True
            for is_joint, words in groupby(lexer, key=lambda word: set(word) <= set("|&")):
                name, *rest = words
                if not is_joint and Path(name).name == "ditto-live":
                    found.append(rest)
    return found


def options_of(name: str) -> set[str]:
    """Return the options of a command, from the parser that reads them."""
    module = import_module(f"bridge.cli.commands.{COMMANDS[name].module}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        own = ("command", COMMANDS[name].module, COMMANDS[name].module.rstrip("_"))
        app.command()(next(getattr(module, one) for one in own if hasattr(module, one)))
    pending, found = [typer.main.get_command(app)], {"--help"}
    while pending:
        command = pending.pop()
        pending += getattr(command, "commands", {}).values()
        found |= {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_can_be_typed(page: Path) -> None:
    """Commands and flags are known to the parser; files of the repository exist."""
    for words in commands(page):
        if words[0].startswith("--"):
            assert words[0] in ("--help", "--version")
            continue
        assert words[0] in COMMANDS, words
        flags = {word.partition("=")[0] for word in words[1:] if re.match(r"--[a-z]", word)}
        assert flags <= options_of(words[0]), f"{page.name}: {flags - options_of(words[0])}"
        for word in words[1:]:
            if word.startswith("docs/"):
                assert (ROOT / word).exists(), word


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Pictures, pages and folders that are linked are in the repository."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} -> {target}"


def test_the_first_command_asks_for_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped melody and curve make a valid request: four bars in A minor that rise and fall."""
    words = commands(ROOT / "README.md")[0]
    monkeypatch.chdir(ROOT)
    request = read_request(typed_settings(parse("render", words[1:]))).request  # type: ignore[arg-type]
    intensity, melody = request.controls
    assert (request.key, request.bars, float(request.tempo_bpm)) == ("A minor", 4, 88)
    levels = [point.value for point in intensity.target.points]  # type: ignore[union-attr]
    assert levels[0] == levels[-1], "it closes at the wrap"
    pitches = [note.pitch for note in melody.target.notes]  # type: ignore[union-attr]
    assert 60 <= min(pitches) <= max(pitches) <= 96


def test_the_readme_goes_on_from_what_it_has_made() -> None:
    """A command that begins at a take or fits a recording names a file that an earlier command of the page writes."""
    written: set[str] = set()
    for words in commands(ROOT / "README.md"):
        options = dict(zip(words, words[1:], strict=False))
        for option in ("--from-take", "--with"):
            assert options.get(option) in {None, *written}, " ".join(words)
        if "--out" in options:
            stem = options["--out"].removesuffix(".wav")
            written |= {f"{stem}.wav", *(f"{stem}-{layer}.wav" for layer in LAYERS if "--stems" in words)}


def test_both_commands_are_one_line_each_and_windows_has_them_too() -> None:
    """One line to paste: make the environment, install, run."""
    shells = [text for language, text in blocks(ROOT / "README.md") if language == "sh" and "pip install" in text]
    windows = [text for language, text in blocks(ROOT / "README.md") if language == "bat"]
    assert len(shells) == len(windows) == 2
    for text in (*shells, *windows):
        assert text.count("\n") == 1
    for shell, window in zip(shells, windows, strict=True):
        bare = window.replace(".venv\\Scripts\\", ".venv/bin/").replace("py -3.11", "python3.11")
        assert bare == shell, "the same but for the paths"


def test_ci_runs_exactly_what_the_readme_says() -> None:
    """`.ci/run` reads its command from this page, below the mark."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("<!-- test command -->\n```sh\n") == 1
    command = text.partition("<!-- test command -->\n```sh\n")[2].partition("\n```")[0]
    assert command.endswith(".venv/bin/python -Im pytest -q -n 2 --dist worksteal")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_folder_has_its_line() -> None:
    """One line a folder; no folder without one, no line without a folder."""
    listed = set(re.findall(r"^\| \[(\w+)\]", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    there = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert listed == there - {"build", "dist", "takes", "node_modules"}


def test_a_command_begins_from_what_one_before_it_has_written() -> None:
    """`latest` is of the takes folder: behind a loop that --out wrote elsewhere it would name another take, or none."""
    for language, text in blocks(ROOT / "README.md"):
        written: set[str] = set()
        for line in text.splitlines() if language == "sh" else ():
            words = shlex.split(line)
            given = {flag: words[place + 1] for place, flag in enumerate(words[:-1]) if flag.startswith("--")}
            stems = {name.replace(".wav", f"-{layer}.wav") for name in written for layer in ("drums", "bass")}
            for flag in ("--from-take", "--with"):
                assert given.get(flag, "") in {"", *written, *stems}, line
            written |= {given["--out"]} if "--out" in given else set()
