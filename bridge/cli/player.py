"""Play a loop round and round without a gap; a newer take comes in at the next bar."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.audio.wav import read_audio, read_loop_info
from engine.errors import BadInputError, DittoError

Block = NDArray[np.float32]
"""Samples as a sound card takes them: [frames, 2]."""

OpenStream = Callable[[int, Callable[[Block], None]], AbstractContextManager[object]]
"""From a sample rate, and a function that fills a block, to a running stream."""

FADE_SECONDS = 0.005  # where one take follows another: too short to hear as a fade, too long to click


class NoAudioError(DittoError):
    """There is nothing to play through."""

    code = "no_audio"
    remedy = "Open the WAV in Live or in any player instead."


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """A loop in memory, stereo, and how many bars it is divided into."""

    audio: Block
    sample_rate: int
    bars: int

    def bar_start(self, bar: int) -> int:
        """Return the sample at which a bar starts; the bar after the last one is the loop's end."""
        return round(bar * len(self.audio) / self.bars)


def read_loop(path: Path) -> Loop:
    """Return the loop of a WAV file; one without tempo is a single bar. Raises `BadInputError`."""
    audio, sample_rate = read_audio(path)
    info = read_loop_info(path)
    bars = 1
    if info is not None and info.tempo_bpm > 0:
        bar_seconds = float(info.meter.beats_per_bar) * 60 / info.tempo_bpm
        bars = max(1, round(audio.shape[1] / sample_rate / bar_seconds))
    stereo = np.broadcast_to(audio, (2, audio.shape[1])) if audio.shape[0] == 1 else audio
    return Loop(np.ascontiguousarray(stereo.T), sample_rate, bars)


def at_rate(loop: Loop, sample_rate: int) -> Loop:
    """Return the loop for a sound card of another rate, resampled round the circle: it stays without a gap."""
    if sample_rate == loop.sample_rate:
        return loop
    from engine.audio.resample import resampled  # here, because few cards need it

    samples = max(1, round(len(loop.audio) * sample_rate / loop.sample_rate))
    audio = resampled(loop.audio.T.astype(np.float64), samples, circular=True)
    return Loop(np.ascontiguousarray(audio.T, dtype=np.float32), sample_rate, loop.bars)


class LoopPlayer:
    """Fills the blocks of a sound card.

    Threads: `fill` is called by the audio thread alone and never waits. `follow_with` may be called from any
    thread: it assigns one reference.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._next: Loop | None = None
        self._position = 0
        self._leaving: tuple[Loop, int] | None = None  # the take before, and where it would have gone on
        self._fade = np.linspace(0, 1, max(1, round(FADE_SECONDS * loop.sample_rate)), dtype=np.float32)[:, None]
        self._faded = 0
        self.passes = 0

    def follow_with(self, loop: Loop) -> None:
        """Let `loop` come in at the next bar; raise `BadInputError` where its sample rate is another."""
        if loop.sample_rate != self._loop.sample_rate:
            raise BadInputError(
                f"The newer take has {loop.sample_rate:,} Hz and this one {self._loop.sample_rate:,} Hz.",
                remedy="Stop and play it by itself.",
            )
        self._next = loop

    def fill(self, block: Block) -> None:
        """Write the next samples into `block` [frames, 2]."""
        done = 0
        while done < len(block):
            stop = self._enter_next_at_bar()
            count = min(stop - self._position, len(block) - done)
            part = block[done : done + count]
            part[:] = self._loop.audio[self._position : self._position + count]
            self._fade_out(part)
            self._position += count
            done += count
            if self._position == len(self._loop.audio):
                self._position = 0
                self.passes += 1

    def _enter_next_at_bar(self) -> int:
        """Change to the next loop if this is a bar's start; return the sample up to which nothing changes."""
        loop, newer = self._loop, self._next
        if newer is None:
            return len(loop.audio)
        bars = range(loop.bars + 1)
        bar = next(bar for bar in bars if loop.bar_start(bar) >= self._position)
        if loop.bar_start(bar) > self._position:
            return loop.bar_start(bar)
        self._leaving, self._faded = (loop, self._position), 0
        self._loop, self._next = newer, None
        self._position = newer.bar_start(bar % newer.bars)
        return len(newer.audio)

    def _fade_out(self, part: Block) -> None:
        """Let the take before fade under the first milliseconds of the new one."""
        if self._leaving is None:
            return
        loop, position = self._leaving
        count = min(len(part), len(self._fade) - self._faded)
        fade = self._fade[self._faded : self._faded + count]
        before = loop.audio[(position + self._faded + np.arange(count)) % len(loop.audio)]
        part[:count] = part[:count] * fade + before * (1 - fade)
        self._faded += count
        if self._faded == len(self._fade):
            self._leaving = None


def open_output(sample_rate: int, fill: Callable[[Block], None]) -> AbstractContextManager[object]:
    """Return a stream on the computer's own output; raise `NoAudioError` where there is none."""
    try:
        import sounddevice
    except OSError as error:
        raise NoAudioError(
            "PortAudio is not installed, so nothing can be played here.",
            remedy="On Linux: sudo apt install libportaudio2. Or open the WAV in Live or in any player.",
        ) from error

    def callback(block: Block, _frames: int, _time: object, _status: object) -> None:
        fill(block)

    try:
        stream: AbstractContextManager[object] = sounddevice.OutputStream(
            samplerate=sample_rate, channels=2, dtype="float32", callback=callback
        )
    except sounddevice.PortAudioError as error:
        raise NoAudioError(f"There is no sound output that takes {sample_rate:,} Hz stereo.") from error
    return stream
