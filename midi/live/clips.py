"""The clips of a Live set, from its elements: bounds, loop, signature, notes.

Notes come by pitch (`KeyTrack`), and the pitch comes after its notes.
"""

from collections.abc import Callable

from .model import NOTE_FIELDS
from .numbers import number_of, value_of
from .parts import OpenClip
from .xml import BrokenElementError

MAX_CLIPS = 50_000

_CLIP_NUMBERS = ("CurrentStart", "CurrentEnd", "LoopStart", "LoopEnd", "StartRelative", "OutMarker")
_METER_NUMBERS = ("Numerator", "Denominator")

_Attributes = dict[str, str]


class ClipReader:
    """Fills `clip`, the open one; `stack` is the reader's list of open tags, innermost last."""

    def __init__(self, stack: list[str]) -> None:
        self.clip: OpenClip | None = None
        self._stack = stack
        self._slot = -1
        self._count = 0

    def starts(self) -> dict[str, Callable[[str, _Attributes], None]]:
        """Return what takes the start of which element: the parent's tag, the attributes."""
        table: dict[str, Callable[[str, _Attributes], None]] = {
            "MidiNoteEvent": self._take_note,
            "MidiKey": self._take_key,
            "LoopOn": self._take_loop_on,
            "ClipSlotList": self._open_slots,
            "ClipSlot": self._open_slot,
        }
        return table | dict.fromkeys((*_CLIP_NUMBERS, *_METER_NUMBERS), self._take_number)

    def ends(self) -> dict[str, Callable[[int], None]]:
        """Return what takes the end of which element: its depth."""
        return {"KeyTrack": self._close_key, "MidiClip": self._close, "AudioClip": self._close}

    def open(self, attributes: _Attributes) -> OpenClip | None:
        """Begin a clip and return it; frozen copies and clips in clips are passed over."""
        stack = self._stack
        if self.clip is not None or "FreezeSequencer" in stack:
            return None
        self._count += 1
        if self._count > MAX_CLIPS:
            raise BrokenElementError(f"it has over {MAX_CLIPS} clips")
        in_session = "ClipSlotList" in stack
        self.clip = OpenClip(
            kind="midi" if stack[-1] == "MidiClip" else "audio",
            place="session" if in_session else "take" if "TakeLanes" in stack else "arrangement",
            depth=len(stack),
            time=number_of(stack[-1], attributes, "Time", 0.0),
            slot=self._slot if in_session else None,
        )
        return self.clip

    def _close(self, depth: int) -> None:
        if self.clip is not None and self.clip.depth == depth:
            self.clip = None

    def _open_slots(self, parent: str, attributes: _Attributes) -> None:
        self._slot = -1

    def _open_slot(self, parent: str, attributes: _Attributes) -> None:
        self._slot += parent == "ClipSlotList"

    def _take_number(self, parent: str, attributes: _Attributes) -> None:
        clip, tag = self.clip, self._stack[-1]
        if clip is None:
            return
        of_clip = parent == "Loop" or len(self._stack) == clip.depth + 1
        if of_clip or (tag in _METER_NUMBERS and parent == "RemoteableTimeSignature"):
            clip.numbers.setdefault(tag, value_of(tag, attributes))

    def _take_loop_on(self, parent: str, attributes: _Attributes) -> None:
        if self.clip is not None and parent == "Loop":
            self.clip.looping = attributes.get("Value") == "true"

    def _take_note(self, parent: str, attributes: _Attributes) -> None:
        if self.clip is None or self._stack[-3] != "KeyTrack":
            return
        tag = self._stack[-1]
        self.clip.notes.extend(
            (
                -1.0,  # the pitch comes with the end of the key track
                number_of(tag, attributes, "Time"),
                number_of(tag, attributes, "Duration"),
                number_of(tag, attributes, "Velocity", 100.0),
                number_of(tag, attributes, "OffVelocity", 64.0),
                float(attributes.get("IsEnabled", "true") == "true"),
                number_of(tag, attributes, "Probability", 1.0),
                number_of(tag, attributes, "VelocityDeviation", 0.0),
            )
        )

    def _take_key(self, parent: str, attributes: _Attributes) -> None:
        if self.clip is not None and parent == "KeyTrack":
            self.clip.key = value_of(self._stack[-1], attributes)

    def _close_key(self, depth: int) -> None:
        clip = self.clip
        if clip is not None:
            for index in range(clip.key_start, len(clip.notes), NOTE_FIELDS):
                clip.notes[index] = clip.key
            clip.key_start, clip.key = len(clip.notes), -1.0
