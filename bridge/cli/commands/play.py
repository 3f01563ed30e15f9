"""`ditto-live play`: hear a take in a loop, and the newer one from the next bar on."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.player import Loop, LoopPlayer, NoAudioError, OpenStream, at_rate, open_output, read_loop
from bridge.requests.parent import find_take
from bridge.takes.companions import take_of
from engine.errors import BadInputError
from engine.settings import Settings

from ..guard import say

SECONDS_BETWEEN_LOOKS = 0.25
CARD_RATES_HZ = (48_000, 44_100, 96_000, 192_000)  # the only ones of some cards, the likeliest first


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
    player, stream, rate = _on_card(loop, open_stream)
    watch = Watch(path, settings)
    with stream:
        say(f"Playing {path}; Ctrl-C stops.")
        if rate != loop.sample_rate:
            say(f"The sound card does not take {loop.sample_rate:,} Hz; the loop is resampled to {rate:,} Hz.")
        try:
            while times is None or player.passes < times:
                pause(SECONDS_BETWEEN_LOOKS)
                _look(watch, player, loop.sample_rate, rate)
        except KeyboardInterrupt:
            say("Stopped.")
    return 0


def _on_card(loop: Loop, open_stream: OpenStream) -> tuple[LoopPlayer, AbstractContextManager[object], int]:
    """Return a player and its stream at the loop's own rate, else at the first usual one that the card takes."""
    refused: NoAudioError | None = None
    for rate in dict.fromkeys((loop.sample_rate, *CARD_RATES_HZ)):
        player = LoopPlayer(at_rate(loop, rate))
        try:
            return player, open_stream(rate, player.fill), rate
        except NoAudioError as error:
            refused = refused or error
    assert refused is not None
    raise refused


def _look(watch: "Watch", player: LoopPlayer, own_rate: int, card_rate: int) -> None:
    newer = watch.newer()
    if newer is None:
        return
    try:
        loop = read_loop(newer)
        player.follow_with(at_rate(loop, card_rate) if loop.sample_rate == own_rate else loop)
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
        candidates = [self._alone] if self._alone else _takes(self._settings.takes)
        dated = [(_written_ns(path), path) for path in candidates]
        written_ns, path = max(dated, default=(0, None))
        if path is None or written_ns <= self._newest_ns:
            return None
        self._newest_ns = written_ns
        return path


def _takes(folder: Path) -> Iterator[Path]:
    """Yield the WAVs of all takes, without their stems."""
    return (path for path in folder.glob("*/*.wav") if take_of(path) is None)


def _written_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # moved away while we looked
        return 0
