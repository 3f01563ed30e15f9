"""`ditto-live takes`: list, search, show, mark, replay and tidy what was made."""

import json as json_text
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from bridge.takes import library
from engine.errors import BadInputError, BadRequestError
from engine.settings import Settings
from midi.files.names import printable

from ..guard import say
from ..running import Device, JobsName, placed

app = typer.Typer(add_completion=False, no_args_is_help=False, help="List, search, replay and tidy what was made.")

_AS_THEY_ARE = (
    "take_id", "prompt", "model", "licence", "bars", "tempo_bpm", "key", "seed", "created", "favourite", "scores",
)  # fmt: skip
Folder = Annotated[Path | None, typer.Option("--takes", help="Folder of the takes, if it is not the usual one.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TakeName = Annotated[str, typer.Argument(help="A take's id, the start of it, its file, or latest.", metavar="TAKE")]


@app.callback(invoke_without_command=True)
def overview(
    context: typer.Context,
    search: Annotated[str, typer.Option(help="Only takes with these words in prompt, key, model or id.")] = "",
    favourites: Annotated[bool, typer.Option("--favourites", help="Only favourites.")] = False,
    unused: Annotated[
        Path | None, typer.Option(help="Takes that no Live set below this folder uses.", metavar="SETS")
    ] = None,
    trash: Annotated[bool, typer.Option("--trash", help="With --unused: move them to the system's trash.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --trash: do not ask.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the prompts of the takes listed.")] = False,
    limit: Annotated[int, typer.Option(min=0, help="Most lines to print; 0 for all.")] = 50,
    takes: Folder = None,
    json: Json = False,
) -> int:
    """List takes, the newest first."""
    if context.invoked_subcommand is not None:
        return 0
    if trash and unused is None:
        raise BadRequestError("--trash goes with --unused SETS, the folder of your Live sets.")
    folder = _folder(takes)
    found: Iterable[library.StoredTake] = library.search(library.stored_takes(folder), search)
    if unused is not None:
        found = _unused(found, unused)
    listed = [take for take in found if take.favourite or not favourites]
    if forget:
        return _forget(listed)
    if trash:
        return _trash(listed, yes=yes)
    shown = listed if json or not limit else listed[:limit]
    sys.stdout.write(_as_json(shown) if json else _as_lines(shown, folder))
    if len(shown) < len(listed):
        say(f"{len(listed) - len(shown)} more; --limit 0 shows all.")
    return 0


@app.command()
def show(take: TakeName, takes: Folder = None, json: Json = False) -> int:
    """Describe a take; with --json print its whole sidecar."""
    found = library.find(_folder(takes), take)
    whole = library.whole_sidecar(found)  # as JSON it is plain ASCII: no escape reaches a terminal
    sys.stdout.write(json_text.dumps(whole) + "\n" if json else described(found, whole))
    return 0


@app.command()
def favourite(
    take: TakeName, takes: Folder = None, off: Annotated[bool, typer.Option("--off", help="Remove the mark.")] = False
) -> int:
    """Mark a take as a favourite; favourites are never listed as unused."""
    found = library.find(_folder(takes), take)
    library.set_favourite(found.wav, not off)
    now = "is no longer a favourite" if off else "is a favourite now: it is never listed as unused"
    sys.stdout.write(f"Take {printable(found.take_id)} ({_called(found)}) {now}.\n")
    return 0


@app.command()
def replay(
    take: TakeName,
    out: Annotated[Path | None, typer.Option(help="WAV to write; else the samples are only compared.")] = None,
    takes: Folder = None,
    device: Device = "auto",
    jobs: JobsName = "",
) -> int:
    """Make a take again from its request and its stored noise, and compare it with what was kept."""
    from .replay import replay_take

    folder = _folder(takes)
    made = replay_take(library.find(folder, take), Settings(device=device, takes=folder), jobs=jobs, out=out)
    sys.stdout.write(f"{made.sentence}\n")
    return 0 if made.same else 1


def described(take: library.StoredTake, whole: dict[str, object]) -> str:
    """Return a take in lines for a person: where it lies, what was asked, what plays and how it was followed."""
    notes = whole.get("notes")
    said = [str(note) for note in notes] if isinstance(notes, list) else []
    rows = {
        "take": f"{take.take_id}{', a favourite' * take.favourite}",
        "file": f"{take.wav}, {take.size_bytes / 1e6:.1f} MB",
        "made": f"{take.created[:16].replace('T', ' ')}, with {take.model} ({take.licence})",
        "title": take.title,
        "prompt": take.prompt,
        "music": f"{counted(take.bars, 'bar')} at {take.tempo_bpm} BPM{f', {take.key}' if take.key else ''}",
        "seed": str(take.seed),
        "layers": ", ".join(take.layers) or "one full mix",
        "chords": take.chords,
        "scores": ", ".join(f"{name} {value:.3g}" for name, value in take.scores.items() if value is not None),
        "said": f"\n{'':<8}".join(said),
    }
    lines = [f"{name:<8}{value}" for name, value in rows.items() if value]
    return "".join(f"{printable(line)}\n" for whole_line in lines for line in whole_line.split("\n"))


def counted(number: int, what: str) -> str:
    """Return `1 take`, `2 takes`."""
    return f"{number} {what}{'s' * (number != 1)}"


def _called(take: library.StoredTake) -> str:
    return printable(take.title or take.prompt or take.wav.stem)


def _folder(takes: Path | None) -> Path:
    folder = placed(Settings(), None, takes).takes
    if takes is not None and not folder.exists():
        raise BadInputError(f"There is no folder {folder}.", remedy="Check the spelling.")
    return folder


def _unused(found: Iterable[library.StoredTake], sets: Path) -> list[library.StoredTake]:
    if not sets.is_dir():
        raise BadInputError(f"{sets} is not a folder.", remedy="Name the folder that holds your Live sets.")
    return library.unused(found, sets)


def _forget(listed: list[library.StoredTake]) -> int:
    for take in listed:
        library.forget(take)
    kept = "File names, which Live sets refer to, are as before."
    say(f"The words of {counted(len(listed), 'take')} were removed. {kept}" if listed else "There are no such takes.")
    return 0


def _trash(listed: list[library.StoredTake], *, yes: bool) -> int:
    if not listed:
        say("There is nothing to move: every take is in use or a favourite.")
        return 0
    size = sum(take.size_bytes for take in listed)
    what = f"{counted(len(listed), 'take')}, {size / 1e6:.1f} MB"
    if not yes and not _agreed(f"Move {what}, to the trash? [y/N] "):
        say("Nothing was moved; --yes moves without asking.")
        return 1
    library.to_trash(listed)
    say(f"{what}, {'is' if len(listed) == 1 else 'are'} in the trash now.")
    return 0


def _agreed(question: str) -> bool:
    """Ask once; no answer, as from a program, is a no."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer.endswith("\n"):
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes", "j", "ja", "o", "oui", "s", "si", "sí")


def _as_json(listed: list[library.StoredTake]) -> str:
    rows = [
        {"path": str(take.wav), "bytes": take.size_bytes, **{name: getattr(take, name) for name in _AS_THEY_ARE}}
        for take in listed
    ]
    return json_text.dumps(rows) + "\n"


def _as_lines(listed: list[library.StoredTake], folder: Path) -> str:
    if not listed:
        return f"There are no such takes in {folder}.\n"
    lines = [
        f"{'*' if take.favourite else ' '} {printable(take.take_id):<12} {printable(take.created[:16]):<16} "
        f"{take.bars:>2} {'bar ' if take.bars == 1 else 'bars'} "
        f"{take.size_bytes / 1e6:5.1f} MB  {_called(take)}"
        for take in listed
    ]
    size = sum(take.size_bytes for take in listed)
    return "\n".join([*lines, f"{counted(len(listed), 'take')}, {size / 1e6:.1f} MB, in {folder}\n"])
