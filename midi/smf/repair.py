"""From a MIDI file as it was found to one as the standard has it, before the parser sees it.

`mido` reads a file by its letter: a key signature that it does not know, a vendor's chunk or a wrong count make
the whole file unreadable to it, or lose a track without a word. What has no fault goes to it as it is.
"""

import struct

from ..errors import MidiError
from .chunks import RawFile, read_chunks
from .events import END, Event


def found_tracks(name: str, data: bytes) -> RawFile:
    """Return what a file holds; raises `MidiError` where no track of it can be read at all."""
    raw = read_chunks(name, data)
    if not raw.tracks:
        raise broken(name, "it has no track")
    damaged = next((remark for remark in raw.remarks if "is damaged" in remark), "")
    if damaged and not any(event.meta != END for events in raw.tracks for event in events):
        raise broken(name, damaged.partition(": ")[2].partition(". What")[0])
    return raw


def rewritten(raw: RawFile) -> bytes:
    """Return a file with the events that matter to us, each with its own status."""
    kind = 1 if raw.header.kind > 2 or (raw.header.kind == 0 and len(raw.tracks) > 1) else raw.header.kind
    head = b"MThd" + struct.pack(">IHHH", 6, kind, len(raw.tracks), raw.header.division)
    return head + b"".join(_track(events) for events in raw.tracks)


def _track(events: list[Event]) -> bytes:
    written, now = bytearray(), 0
    for event in events:
        if event.meta == END:
            continue
        written += variable_length(event.tick - now)
        now = event.tick
        written.append(event.status)
        if event.meta >= 0:
            written.append(event.meta)
            written += variable_length(len(event.data))
        written += event.data
    written += variable_length(max((event.tick for event in events), default=0) - now) + b"\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(written)) + bytes(written)


def variable_length(number: int) -> bytes:
    """Return a number as the format writes it, seven bits a byte."""
    found = [number & 0x7F]
    while number := number >> 7:
        found.append(number & 0x7F | 0x80)
    return bytes(reversed(found))


def broken(name: str, reason: str) -> MidiError:
    """Return the error for a file that cannot be used."""
    return MidiError(
        "broken_midi",
        f"{name} is not a whole MIDI file: {reason}.",
        "Export it again from the program that made it.",
    )
