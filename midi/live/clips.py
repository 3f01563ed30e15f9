"""The clips of a Live set, from its elements: bounds, loop, signature, notes.

An envelope that is not linked to its clip's loop has bounds of its own, in the element `LoopSlot`.
Notes come by pitch (`KeyTrack`), and the pitch comes after its notes.
"""

from collections.abc import Callable

from .model import NOTE_FIELDS
from .numbers import beat_of, number_of, value_of
from .parts import OpenClip, OpenSet
from .xml import BrokenElementError, UnreadableValueError

MAX_CLIPS = 50_000

_CLIP_NUMBERS = ("CurrentStart", "CurrentEnd", "LoopStart", "LoopEnd", "StartRelative", "OutMarker")
_METER_NUMBERS = ("Numerator", "Denominator")

_Attributes = dict[str, str]


class ClipReader:
    """Fills the clip that is open in `open_set`."""

    def __init__(self, open_set: OpenSet) -> None:
        self._open = open_set
        self._slot = -1
        self._count = 0

    def starts(self) -> dict[str, Callable[[str, _Attributes], None]]:
        """Return the handlers of elements' starts by tag; each is called with the parent's tag and the attributes."""
        table: dict[str, Callable[[str, _Attributes], None]] = {
            "MidiNoteEvent": self._take_note,
            "MidiKey": self._take_key,
            "LoopOn": self._take_loop_on,
            "Disabled": self._take_disabled,
            "ClipSlotList": self._open_slots,
            "ClipSlot": self._open_slot,
        }
        return table | dict.fromkeys((*_CLIP_NUMBERS, *_METER_NUMBERS), self._take_number)

    def ends(self) -> dict[str, Callable[[int], None]]:
        """Return the handlers of elements' ends by tag; each is called with the element's depth."""
        return {"KeyTrack": self._close_key, "MidiClip": self._close, "AudioClip": self._close}

    def open(self, attributes: _Attributes) -> OpenClip | None:
        """Begin a clip and return it; frozen copies and clips in clips are passed over."""
        stack = self._open.stack
        if self._open.clip is not None or "FreezeSequencer" in stack:
            return None
        self._count += 1
        if self._count > MAX_CLIPS:
            raise BrokenElementError(f"it has over {MAX_CLIPS} clips")
        in_session = "ClipSlotList" in stack or "Tracks" not in stack  # a clip file may hold the bare clip
        self._open.clip = OpenClip(
            kind="midi" if stack[-1] == "MidiClip" else "audio",
            place="session" if in_session else "take" if "TakeLanes" in stack else "arrangement",
            depth=len(stack),
            time=_start_of(attributes),
            slot=self._slot if in_session else None,
        )
        return self._open.clip

    def _close(self, depth: int) -> None:
        if self._open.clip is not None and self._open.clip.depth == depth:
            self._open.clip = None

    def _open_slots(self, parent: str, attributes: _Attributes) -> None:
        self._slot = -1

    def _open_slot(self, parent: str, attributes: _Attributes) -> None:
        self._slot += parent == "ClipSlotList"

    def _take_number(self, parent: str, attributes: _Attributes) -> None:
        clip, tag = self._open.clip, self._open.stack[-1]
        if "LoopSlot" in self._open.stack:
            if self._open.envelope is not None:
                self._open.envelope.numbers.setdefault(tag, beat_of(tag, attributes, "Value"))
            return
        if clip is None:
            return
        of_clip = parent == "Loop" or len(self._open.stack) == clip.depth + 1
        if of_clip or (tag in _METER_NUMBERS and parent == "RemoteableTimeSignature"):
            clip.numbers.setdefault(tag, beat_of(tag, attributes, "Value"))

    def _take_loop_on(self, parent: str, attributes: _Attributes) -> None:
        own = "LoopSlot" in self._open.stack
        if (holder := self._open.envelope if own else self._open.clip) is not None and (own or parent == "Loop"):
            holder.looping = attributes.get("Value") == "true"

    def _take_disabled(self, parent: str, attributes: _Attributes) -> None:
        clip = self._open.clip
        if clip is not None and len(self._open.stack) == clip.depth + 1:
            clip.active = attributes.get("Value") != "true"

    def _take_note(self, parent: str, attributes: _Attributes) -> None:
        if self._open.clip is None or self._open.stack[-3] != "KeyTrack":
            return
        tag = self._open.stack[-1]
        velocity = number_of(tag, attributes, "Velocity", 100.0)
        note = (
            -1.0,  # the pitch comes with the end of the key track
            beat_of(tag, attributes, "Time"),
            beat_of(tag, attributes, "Duration"),
            velocity,
            number_of(tag, attributes, "OffVelocity", 64.0),
            float(attributes.get("IsEnabled", "true") == "true" and velocity > 0),
            min(max(number_of(tag, attributes, "Probability", 1.0), 0.0), 1.0),
            min(max(number_of(tag, attributes, "VelocityDeviation", 0.0), -127.0), 127.0),
        )
        self._open.clip.notes.extend(note)

    def _take_key(self, parent: str, attributes: _Attributes) -> None:
        if self._open.clip is not None and parent == "KeyTrack":
            self._open.clip.key = value_of(self._open.stack[-1], attributes)

    def _close_key(self, depth: int) -> None:
        clip = self._open.clip
        if clip is None:
            return
        key, clip.key = clip.key, -1.0
        if not 0 <= key <= 127 and len(clip.notes) > clip.key_start:
            del clip.notes[clip.key_start :]
            raise UnreadableValueError("notes whose key is none of the 128")
        for index in range(clip.key_start, len(clip.notes), NOTE_FIELDS):
            clip.notes[index] = key
        clip.key_start = len(clip.notes)


def _start_of(attributes: _Attributes) -> float:
    """Return the beat at which a clip lies; 0 where it cannot be read, until its `CurrentStart` comes."""
    try:
        return beat_of("clip", attributes, "Time", 0.0)
    except UnreadableValueError:
        return 0.0
