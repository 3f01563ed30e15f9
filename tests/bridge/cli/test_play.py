"""`play`: hear a take, and the newer one when it comes. The sound card is a fake that is handed in."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bridge.cli.commands.play import Watch, play_take
from bridge.cli.main import run
from bridge.cli.player import Block, Loop, NoAudioError, at_rate
from engine.audio.wav import write_loop
from engine.errors import BadInputError
from engine.settings import Settings
from midi.tempo import Meter

RATE = 8_000


def take(path: Path, level: float, rate: int = RATE) -> Path:
    """Write one bar of a steady level: 1 s at 240 BPM."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.full((2, rate), level, np.float32)
    write_loop(path, audio, rate, tempo_bpm=Fraction(240), beats=Fraction(4), meter=Meter(), overwrite=True)
    return path


class Card:
    """A sound card that takes a tenth of a second whenever the player pauses."""

    def __init__(self) -> None:
        self.heard: list[float] = []
        self.closed = False
        self.rate = 0
        self._fill: Callable[[Block], None] | None = None
        self.at_pause: dict[int, Callable[[], object]] = {}
        self._pauses = 0

    @contextmanager
    def open(self, sample_rate: int, fill: Callable[[Block], None]) -> Iterator[None]:
        """Meet `OpenStream`."""
        self.rate, self._fill = sample_rate, fill
        yield
        self.closed = True

    def pause(self, _seconds: float) -> None:
        """Play a tenth of a second, and do what was planned for this moment."""
        assert self._fill is not None
        block = np.zeros((RATE // 10, 2), np.float32)
        self._fill(block)
        self.heard += block[:, 0].tolist()
        self._pauses += 1
        self.at_pause.get(self._pauses, lambda: None)()


def newer(path: Path) -> None:
    """Give a file a time after all others."""
    os.utime(path, ns=(2 * 10**18, 2 * 10**18))


def test_a_take_is_played_as_often_as_asked(tmp_path: Path, settings: Settings) -> None:
    """Two passes of a second are at least twenty tenths, all of them the take; then the card is let go."""
    card = Card()
    path = take(tmp_path / "loop.wav", 0.5)
    assert play_take(path, settings, card.open, times=2, pause=card.pause) == 0
    assert (card.rate, card.closed) == (RATE, True)
    assert len(card.heard) >= 2 * RATE
    assert np.allclose(card.heard, 0.5, atol=1e-6)


def test_the_same_file_rewritten_comes_in_at_the_bar(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """`render --out loop.wav` again, and the ear follows at the next bar, not in the middle of this one."""
    card, path = Card(), take(tmp_path / "loop.wav", 0.5)
    card.at_pause[3] = lambda: (take(path, 0.25), newer(path))
    play_take(path, settings, card.open, times=2, pause=card.pause)
    assert np.allclose(card.heard[:RATE], 0.5, atol=1e-6)
    assert np.allclose(card.heard[RATE + 100 : 2 * RATE], 0.25, atol=1e-6)
    assert "comes in at the next bar" in capsys.readouterr().err


def test_a_new_take_in_the_takes_folder_follows_the_old_one(settings: Settings) -> None:
    """Whoever plays a take hears the next one, on whatever day it was made."""
    old = take(settings.takes / "2025-01-01" / "dub-aaaa.wav", 0.5)
    watch = Watch(old, settings)
    assert watch.newer() is None
    new = take(settings.takes / "2025-01-02" / "dub-bbbb.wav", 0.25)
    newer(new)
    assert watch.newer() == new
    assert watch.newer() is None, "once"


def test_a_take_that_does_not_fit_is_said_and_passed_over(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another sample rate does not end the music."""
    card, path = Card(), take(tmp_path / "loop.wav", 0.5)
    card.at_pause[3] = lambda: (take(path, 0.25, rate=48_000), newer(path))
    play_take(path, settings, card.open, times=2, pause=card.pause)
    assert np.allclose(card.heard, 0.5, atol=1e-6)
    assert "48,000 Hz" in capsys.readouterr().err


def test_ctrl_c_ends_the_music_and_is_no_failure(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is how one stops playing."""
    card = Card()

    def stop() -> None:
        raise KeyboardInterrupt

    card.at_pause[2] = stop
    assert play_take(take(tmp_path / "loop.wav", 0.5), settings, card.open, pause=card.pause) == 0
    assert card.closed
    assert "Stopped" in capsys.readouterr().err


def test_without_a_card_nothing_is_pretended(tmp_path: Path, settings: Settings) -> None:
    """The error of the stream comes through as it is, before anything is said to play."""

    def none(_rate: int, _fill: Callable[[Block], None]) -> Iterator[None]:
        raise NoAudioError("There is no sound output that takes 8,000 Hz stereo.")

    with pytest.raises(NoAudioError, match="no sound output"):
        play_take(take(tmp_path / "loop.wav", 0.5), settings, none)  # type: ignore[arg-type]  # a broken card


@pytest.mark.parametrize("name", ["nothere", "missing.wav", "latest"])
def test_a_take_that_is_not_there_is_said(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, and where to look."""
    assert run(["play", name]) == 2
    assert "ditto-live takes" in capsys.readouterr().err


def test_what_is_no_sound_is_not_played(tmp_path: Path, settings: Settings) -> None:
    """A text with the name of a loop."""
    (tmp_path / "loop.wav").write_text("la la la", encoding="utf-8")
    with pytest.raises(BadInputError, match="is not audio"):
        play_take(tmp_path / "loop.wav", settings, Card().open)


class OneRate(Card):
    """A sound card that takes one rate only."""

    def __init__(self, only: int) -> None:
        super().__init__()
        self.only = only

    def open_if_it_fits(self, sample_rate: int, fill: Callable[[Block], None]) -> AbstractContextManager[None]:
        """Meet `OpenStream`."""
        if sample_rate != self.only:
            raise NoAudioError(f"There is no sound output that takes {sample_rate:,} Hz stereo.")
        return self.open(sample_rate, fill)


@pytest.mark.parametrize("only", [48_000, 44_100, 96_000, 192_000])
def test_a_card_of_one_rate_plays_the_loop_resampled(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str], only: int
) -> None:
    """Trial 30: a card that takes another rate only is played at its rate, and that is said; newer takes follow so."""
    card, path = OneRate(only), take(tmp_path / "loop.wav", 0.5)
    card.at_pause[1] = lambda: (take(path, 0.25), newer(path))
    assert play_take(path, settings, card.open_if_it_fits, times=2, pause=card.pause) == 0
    assert card.rate == only
    assert np.allclose(card.heard[: only // 2], 0.5, atol=1e-4)
    assert np.allclose(card.heard[only + only // 100 :][: only // 2], 0.25, atol=1e-4)
    assert f"{only:,} Hz" in capsys.readouterr().err


def test_a_card_that_takes_no_usual_rate_is_a_sentence(tmp_path: Path, settings: Settings) -> None:
    """Trial 30's relative: where nothing can be opened, the sentence is about the loop's own rate."""
    with pytest.raises(NoAudioError, match="8,000 Hz"):
        play_take(take(tmp_path / "loop.wav", 0.5), settings, OneRate(1).open_if_it_fits, times=1)


@pytest.mark.parametrize("rate", [44_100, 22_050, 96_000])
def test_a_resampled_loop_is_as_long_and_has_no_gap(rate: int) -> None:
    """Trial 30's relative: whole turns of a sine round the loop are the same sine at the card's rate."""
    turns = 2 * np.pi * 55 * np.arange(8_000) / 8_000
    loop = Loop(np.stack([np.sin(turns)] * 2, axis=1).astype(np.float32), 8_000, 1)
    found = at_rate(loop, rate)
    assert len(found.audio) == rate
    assert np.abs(found.audio[:, 0] - np.sin(2 * np.pi * 55 * np.arange(rate) / rate)).max() < 1e-4
