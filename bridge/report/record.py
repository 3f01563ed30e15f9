"""The fields of a take's record that a report needs; each may be missing."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from engine.metrics import Panel, Verdict
from engine.request import Control, LoopRequest
from midi.errors import MidiError
from midi.key import NOTE_NAMES, Key

EARLIER_PANELS = {
    "intensity": Panel.LEVEL,
    "brightness": Panel.CENTROID,
    "melody": Panel.PITCH_CLASSES,
    "rhythm": Panel.HITS,
}
"""Of takes whose record names none."""


class Record(msgspec.Struct, frozen=True):
    """The losses of each control by step, the verdicts, where each kind of control is shown, and the key."""

    loss_curves: dict[str, list[float | None]] = {}
    verdicts: tuple[Verdict, ...] = ()
    panels: dict[str, Panel] | None = None
    key: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, object]) -> "Record":
        """Read a record; of one that is damaged or of another version nothing is taken."""
        try:
            return msgspec.convert(dict(record), cls)
        except msgspec.ValidationError:
            return cls()

    @property
    def note_names(self) -> tuple[str, ...]:
        """The names of the pitch classes, spelt as they are in the take's key."""
        with suppress(MidiError):
            return Key.parse(self.key or "").note_names
        return NOTE_NAMES

    def shown_in(self, panel: Panel, request: LoopRequest) -> Control | None:
        """Return the request's first control that this panel shows."""
        panels = EARLIER_PANELS if self.panels is None else self.panels
        return next((control for control in request.controls if panels.get(control.kind) is panel), None)
