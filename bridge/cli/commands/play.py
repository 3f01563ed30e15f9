"""`ditto-live play`: hear a take in a loop, and the newer one from the next bar on."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from bridge.player import LoopPlayer, OpenStream, open_output, read_loop
from bridge.requests.parent import find_take
from engine.errors import BadInputError
from engine.settings import Settings

from ..guard import say

SECONDS_BETWEEN_LOOKS = 0.25


def play(
    take: Annotated[str, typer.Argument(help="A take's id, its WAV, or `latest`.")] = "latest",
    times: Annotated[int | None, typer.Option(min=1, help="Stop after so many times; else at Ctrl-C.")] = None,
) -> int:
    """Play a take in a gapless loop. A newer take, or the same file rewritten, comes in at the next bar."""
    settings = Settings()
    return play_take(find_take(settings.takes, take), settings, open_output, times=times)


def play_take(
    path: Path,
    settings: Settings,
    open_stream: OpenStream,
    *,
    times: int | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> int:
    """Play the loop at `path` until Ctrl-C, or `times` times, and what is newer as it comes."""
    loop = read_loop(path)
    player, watch = LoopPlayer(loop), Watch(path, settings)
    with open_stream(loop.sample_rate, player.fill):
        say(f"Playing {path}; Ctrl-C stops.")
        try:
            while times is None or player.passes < times:
                pause(SECONDS_BETWEEN_LOOKS)
                _look(watch, player)
        except KeyboardInterrupt:
            say("Stopped.")
    return 0


def _look(watch: "Watch", player: LoopPlayer) -> None:
    newer = watch.newer()
    if newer is None:
        return
    try:
        player.follow_with(read_loop(newer))
    except BadInputError as error:
        say(error.sentence, error.remedy)
    else:
        say(f"{newer} comes in at the next bar.")


class Watch:
    """Looks for what is newer: any take if the first lies in the takes folder, else the same file."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self._settings = settings
        self._alone = None if path.absolute().is_relative_to(settings.takes.absolute()) else path
        self._newest_ns = path.stat().st_mtime_ns

    def newer(self) -> Path | None:
        """Return the newest file written since the last one that was returned, if there is one."""
        candidates = [self._alone] if self._alone else self._settings.takes.glob("*/*.wav")
        dated = [(_written_ns(path), path) for path in candidates]
        written_ns, path = max(dated, default=(0, None))
        if path is None or written_ns <= self._newest_ns:
            return None
        self._newest_ns = written_ns
        return path


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # moved away while we looked
        return 0
