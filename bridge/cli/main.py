"""`ditto-live`: one file a command, loaded when it is chosen, so that help answers at once.

A command module holds `app` (a typer application), `command` (a dataclass, see `options`) or a function with
the command's name. What it returns is the exit code. It raises `DittoError` for whatever a person
should read.
Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NamedTuple


class Command(NamedTuple):
    """A command's module in this package, and its purpose in one line."""

    module: str
    summary: str


COMMANDS = {
    "render": Command("render", "Make a loop from words, a curve, a melody, a rhythm."),
    "play": Command("play", "Hear a take in a gapless loop."),
    "takes": Command("takes", "List, search, replay and tidy what was made."),
    "lanes": Command("lanes", "Show the tracks, clips and automation of a Live set, or a MIDI file's tracks."),
    "open": Command("open_", "Open the studio page in the browser; start the engine if it does not run."),
    "mcp": Command("mcp", "Offer the tools to an assistant, over the Model Context Protocol."),
    "serve": Command("serve", "Start bridge and engine, for the device in Live."),
    "install-service": Command("install_service", "Start bridge and engine automatically at each login."),
    "remove-service": Command("remove_service", "Stop bridge and engine, and no longer start them at login."),
    "engine": Command("engine_", "Start the engine alone, on the computer with the GPU."),
    "bridge": Command("bridge_", "Start the bridge alone, on the computer with Live."),
    "send": Command("send", "Ask a running engine for a loop."),
    "words": Command("words", "List and search the words that pocket knows, in six languages."),
    "models": Command("models", "Show the models that can be used, and their licences."),
    "doctor": Command("doctor", "Check the installation and say what to do."),
    "bench": Command("bench", "Time how fast this computer makes a loop."),
    "build-device": Command("build_device", "Build the Max for Live device from its sources."),
    "install-device": Command("install_device", "Copy the device into Live's User Library."),
}

_STOPPED = {"render": "Stopped; nothing was kept.", "send": "Stopped; nothing was kept."}
"""The answer to Ctrl-C before a command has work to stop, where it is not just `Stopped.`"""


_PROMPT = 'Words for the sound go behind --prompt, in quotation marks: --prompt "dusty boom bap".'
_LOOSE = {"render": _PROMPT, "send": _PROMPT}
"""The remedy for words that stand without an option."""


def main() -> None:
    """Run the command line and exit with its code; an output that cannot be written causes no traceback."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  for the process's life
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old Windows console lacks most letters
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output has gone, and has what it wanted
        code = 0
        _write_no_more()
    except SystemExit as left:  # what rich makes of a reader that has gone
        if not isinstance(left.__context__, BrokenPipeError):
            raise
        code = 0
    except OSError as error:
        _complain(f"The output cannot be written: {error.strerror}.", "See that the disk has room.")
        code = 1
        _write_no_more()
    except KeyboardInterrupt:
        _complain("Stopped.", "")
        code = 130
    sys.exit(code)


def _write_no_more() -> None:
    """Let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code; errors become a sentence on stderr."""
    name = arguments[0] if arguments else "--help"
    if name in ("--help", "-h", "help"):
        sys.stdout.write(_help())
        return 0
    if name == "--version":
        from importlib.metadata import version  # here, because it loads much that help does not need

        sys.stdout.write(f"ditto-live {version('ditto-live')}\n")
        return 0
    if name not in COMMANDS:
        from difflib import get_close_matches  # here, because hardly anybody needs it

        near = get_close_matches(name, COMMANDS, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        _complain(f"There is no command {name!r}.", f"{meant}Commands are {', '.join(COMMANDS)}.")
        return 2
    from .guard import guarded

    return guarded(
        lambda: _invoke(name, arguments[1:]), stopped=_STOPPED.get(name, "Stopped."), loose=_LOOSE.get(name, "")
    )


def _invoke(name: str, arguments: Sequence[str]) -> int:
    """Load the command's module and hand it the rest of the line."""
    result = parse(name, arguments)
    if hasattr(result, "run"):  # a `bridge.cli.options.LoopCommand`
        result = result.run()
    return result if isinstance(result, int) else 0


def parse(name: str, arguments: Sequence[str]) -> object:
    """Return a command that is a dataclass with its options; run one that is a function and return its exit code."""
    import typer

    from engine.models.speed.garbage_collection import without_garbage_collection
    from engine.settings import go_offline

    go_offline()
    command = COMMANDS[name]
    with without_garbage_collection():
        module = import_module(f".commands.{command.module}", __package__)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        names = ("command", command.module, command.module.rstrip("_"))  # a trailing _ keeps off names of Python
        app.command()(next(getattr(module, own) for own in names if hasattr(module, own)))
    parser = typer.main.get_command(app)
    try:  # not by its `main`, which ends without a word where it is interrupted
        with parser.make_context(f"ditto-live {name}", list(arguments)) as context:
            return parser.invoke(context)
    except typer.Exit as end:  # such as --help's
        return end.exit_code


def _complain(sentence: str, remedy: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in (sentence, remedy) if line))


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())
    return f"""\
Ditto Live makes loops that follow you: draw the intensity, play the melody, get a bar-exact clip.

Usage: ditto-live COMMAND [OPTIONS]

{rows}

  ditto-live COMMAND --help  shows a command's options, ditto-live --version the version.

Try: ditto-live render --prompt "dusty boom bap, rhodes" --tempo 88 --bars 4 --out loop.wav
"""


if __name__ == "__main__":
    main()
