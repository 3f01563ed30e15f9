"""Playing round and round: no sample is lost, doubled or late, and a newer take enters at the bar."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.player import FADE_SECONDS, Loop, LoopPlayer, NoAudioError, open_output, read_loop
from engine.audio.wav import write_loop
from engine.errors import BadInputError
from midi.tempo import Meter

RATE = 8_000
FADE = round(FADE_SECONDS * RATE)


def loop(samples: int, bars: int = 1, seed: int = 0, rate: int = RATE) -> Loop:
    """Return a loop of noise."""
    audio = np.random.default_rng(seed).uniform(-1, 1, (samples, 2)).astype(np.float32)
    return Loop(audio, rate, bars)


def played(player: LoopPlayer, sizes: list[int]) -> np.ndarray:
    """Return what comes out of blocks of these sizes."""
    blocks = []
    for size in sizes:
        block = np.full((size, 2), np.nan, np.float32)
        player.fill(block)
        blocks.append(block)
    return np.concatenate(blocks)


@given(st.integers(1, 400), st.lists(st.integers(1, 300), min_size=1, max_size=12))
def test_a_loop_goes_round_without_a_gap(samples: int, sizes: list[int]) -> None:
    """Whatever the sound card's blocks, the result is the loop laid end to end."""
    one = loop(samples)
    player = LoopPlayer(one)
    heard = played(player, sizes)
    assert np.array_equal(heard, np.resize(one.audio, (sum(sizes), 2)))
    assert player.passes == sum(sizes) // samples


@settings(max_examples=60)
@given(st.integers(1, 8), st.integers(200, 900), st.integers(0, 2000), st.integers(1, 128))
def test_a_newer_take_enters_at_the_next_bar(bars: int, samples: int, ask_at: int, block: int) -> None:
    """Until the bar all is as before; after a fade of five milliseconds all is new, at the same bar."""
    old, new = loop(samples, bars, seed=1), loop(samples, bars, seed=2)
    player = LoopPlayer(old)
    before = played(player, [ask_at]) if ask_at else np.zeros((0, 2), np.float32)
    player.follow_with(new)
    heard = np.concatenate([before, played(player, [block] * (2 * samples // block + 2))])
    passes, inside = divmod(ask_at, samples)
    starts = [passes * samples + old.bar_start(bar) for bar in range(bars + 1)]
    bar = next(start for start in starts if start >= ask_at)
    assert np.array_equal(heard[:bar], np.resize(old.audio, (bar, 2)))
    after = np.resize(new.audio, (len(heard), 2))[bar + FADE :]
    assert np.array_equal(heard[bar + FADE :], after)
    assert inside <= bar - passes * samples


def test_where_takes_meet_there_is_no_jump() -> None:
    """Two steady levels meet in a ramp: no step is larger than the fade needs."""
    low, high = (Loop(np.full((1000, 2), level, np.float32), RATE, 4) for level in (0.1, 0.9))
    player = LoopPlayer(low)
    player.follow_with(high)
    heard = played(player, [17] * 30)
    assert np.abs(np.diff(heard[:, 0])).max() <= 0.8 / (FADE - 1) + 1e-6
    assert heard[-1, 0] == np.float32(0.9)


def test_a_shorter_take_comes_in_at_its_own_bar() -> None:
    """From bar 3 of 4 into a loop of 2 bars: its bar 1."""
    player = LoopPlayer(loop(800, 4, seed=1))
    played(player, [390])
    short = loop(300, 2, seed=2)
    player.follow_with(short)
    heard = played(player, [10 + 300])
    assert np.array_equal(heard[10 + FADE :], short.audio[FADE:300])


def test_a_take_of_another_rate_is_refused() -> None:
    """It would sound at the wrong pitch."""
    with pytest.raises(BadInputError, match=r"48,000 Hz and this one 8,000 Hz"):
        LoopPlayer(loop(100)).follow_with(loop(100, rate=48_000))


@pytest.mark.parametrize(("channels", "signature", "bars"), [(1, Meter(4, 4), 4), (2, Meter(7, 8), 3)])
def test_bars_are_read_from_the_file(channels: int, signature: Meter, bars: int, tmp_path: Path) -> None:
    """Mono becomes stereo; the bars are those that were rendered, halves of beats included."""
    beats = bars * signature.beats_per_bar
    samples = round(beats * 60 / 120 * RATE)
    audio = np.zeros((channels, samples), np.float32)
    write_loop(tmp_path / "a.wav", audio, RATE, tempo_bpm=Fraction(120), beats=beats, meter=signature)
    found = read_loop(tmp_path / "a.wav")
    assert (found.audio.shape, found.sample_rate, found.bars) == ((samples, 2), RATE, bars)


def test_without_a_sound_output_there_is_a_sentence() -> None:
    """No PortAudio or no device: what is missing and what to do instead. Where there is a device, it opens."""
    try:
        with open_output(44_100, lambda block: block.fill(0)):
            pass
    except NoAudioError as error:
        assert "PortAudio" in error.sentence or "no sound output" in error.sentence  # noqa: PT017
        assert "any player" in error.remedy  # noqa: PT017
