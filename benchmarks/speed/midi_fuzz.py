"""Mutated MIDI files and Live sets: only our own error, never a hang, never much memory.

    python -m benchmarks midi-fuzz [--count 20000] [--seed 0] [--files FOLDER ...] [--publish]

In parts of 1,000, each a row that is kept: a run that was stopped goes on. Seeds are small made-up files, and the .mid
and .als files of the folders given. The exit code is 1 where another exception came out, one input took over a second
of processor time, or the peak of the whole run passed 300 MB. 20,000 take some 2 minutes of one core.
"""

import gzip
import random
import re
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.rows import Row, Rows
from midi.errors import MidiError
from midi.live.set import lane_curve, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, midi_clip_xml, set_xml, track_xml
from midi.melody import melody
from midi.notes import Note
from midi.smf.read import read_midi, score_of_notes, write_midi
from midi.tempo import Meter

PART = 1_000
MAX_SECONDS = 1.0
MAX_BYTES = 300 * 2**20
MAX_SEED_BYTES = {".mid": 8_000, ".als": 36_000}  # unpacked: 20,000 runs are to end within minutes

LIKELY = [
    *(b"", b"\x00", b"\xff", b"\xff" * 8, b"\x7f" * 4, b"\xff\xff\xff\x7f"),
    *(b"MTrk", b"MThd", b"\x90", b"\xf0", b"\xff\x51\x03", b"\xff\x58"),
    *(b"<", b">", b"/>", b'"', b"&lt;", b"&x;", b"Value", b"Time", b"Id", b"<Devices>", b"<Events>", b"true"),
    *(b"-1", b"0", b"1e18", b"1e400", b"nan", b"999999999999999999999"),
]
NUMBER = re.compile(rb'="(-?[0-9.]+)"')


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return `data` with one to three pieces overwritten, cut, doubled, copied or made likely trouble."""
    buffer = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.5 and (numbers := list(NUMBER.finditer(buffer))):  # an attribute of a set
            number = chance.choice(numbers)
            buffer[number.start(1) : number.end(1)] = chance.choice(LIKELY)
            continue
        at = chance.randrange(len(buffer) + 1)
        length = chance.choice([1, 1, 2, 4, 16, 200])
        piece = bytes(buffer[at : at + length])
        match chance.randrange(6):
            case 0:
                buffer[at : at + length] = chance.randbytes(len(piece))
            case 1:
                del buffer[at : at + length]
            case 2:
                buffer[at:at] = piece * chance.randint(1, 50)
            case 3:
                other = chance.randrange(len(buffer) + 1)
                buffer[other:other] = piece
            case 4:
                buffer[at : at + chance.choice([0, 1, 4])] = chance.choice(LIKELY)
            case _:
                del buffer[at if chance.random() < 0.1 else len(buffer) :]
    return bytes(buffer)


def seeds(folders: list[Path]) -> tuple[list[bytes], list[bytes]]:
    """Return the MIDI files and the sets (unpacked) to start from."""
    notes = [Note(60 + i, Fraction(i), Fraction(1)) for i in range(8)]
    midi_files = [write_midi(score_of_notes(notes, tempo_bpm=Fraction(120), meter=Meter()))]
    lane = envelope_xml(500, [(BEFORE_THE_SONG, 0.0), (0, 1.0), (4, 0.5, (0.1, 0.2, 0.3, 0.4)), (8, 0.0)])
    device = max_device_xml("Ditto.amxd", "Intensity", 500, 0, 1)
    clip = midi_clip_xml([(60, 0.0, 1.0, 100), (64, 1.0, 1.0, 90)])
    sets = [set_xml(track_xml("Lead", lanes=lane, devices=device, session=clip, arrangement=clip))]
    for file in sorted(file for folder in folders for file in folder.rglob("*")):
        data = file.read_bytes() if file.suffix in (".mid", ".als") else b""
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        if 0 < len(data) <= MAX_SEED_BYTES.get(file.suffix, 0):
            (midi_files if file.suffix == ".mid" else sets).append(data)
    return midi_files, sets


def use_midi(data: bytes) -> None:
    """Read a file, take its melody, write it again."""
    score = read_midi(data)
    write_midi(score)
    melody(score.notes)


def use_set(path: Path) -> None:
    """Read a set, cut every lane and play every clip."""
    live_set = read_set(path)
    for lane in live_set.lanes:
        lane_curve(lane, Fraction(0), Fraction(16))
    for track in live_set.tracks:
        track.arrangement_notes(Fraction(0), Fraction(16))


def run(count: int, seed: str, folders: list[Path]) -> dict[str, object]:
    """Read so many mutated files, and return how many were refused or failed, the slowest, and the peak of memory."""
    chance = random.Random(seed)
    midi_files, sets = seeds(folders)
    refused = faults = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for index in range(count):
            action, data = _one(index, midi_files, sets, chance, Path(folder) / "mutated.als")
            began = time.process_time()
            try:
                action()
            except MidiError:
                refused += 1
            except Exception:  # noqa: BLE001  what is looked for
                faults += 1
                Path(f"fault-{seed.replace(' ', '-')}-{index}.bin").write_bytes(data)
                traceback.print_exc()
            slowest = max(slowest, time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "count": count,
        "seeds": len(midi_files) + len(sets),
        "refused": refused,
        "faults": faults,
        "slowest_ms": round(1000 * slowest),
        "peak_mb": round(peak / 2**20),
    }


def _one(
    index: int, midi_files: list[bytes], sets: list[bytes], chance: random.Random, path: Path
) -> tuple[Callable[[], None], bytes]:
    """Return what reads a mutated file, and its bytes; a set lies at `path`."""
    if index % 2:
        data = mutated(chance.choice(midi_files), chance)
        return (lambda: use_midi(data)), data
    data = mutated(chance.choice(sets), chance)
    if chance.random() < 0.5:
        data = gzip.compress(data, 1)
        data = mutated(data, chance) if chance.random() < 0.5 else data
    path.write_bytes(data)
    return (lambda: use_set(path)), data


def in_all(parts: list[Row]) -> dict[str, int]:
    """Return the figures of all parts: sums, and the worst of time and memory."""
    summed = {name: sum(part[name] for part in parts) for name in ("count", "refused", "faults")}
    return {"seeds": parts[0]["seeds"], **summed} | {
        name: max(part[name] for part in parts) for name in ("slowest_ms", "peak_mb")
    }


def main() -> None:
    """Read the command line; mutate, keep the figures, and fail where a bar is missed."""
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=20_000, help="of mutated files, in thousands")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--files", type=Path, nargs="*", default=[])
    add_rows(options, "midi")
    chosen = options.parse_args()
    rows = open_rows(chosen)
    kept = Rows(rows.file.with_name(f"{rows.file.stem}-parts.json"))
    size = min(PART, chosen.count)
    files = ", ".join(folder.name for folder in chosen.files) or "made-up"
    parts = []
    for part in range(chosen.count // size):
        key = f"mutated {files} files, seed {chosen.seed}, {size}/{part}"
        parts.append(kept.get(key, partial(run, size, f"{chosen.seed} {part}", chosen.files)))
        print(f"{size * (part + 1)} done, {parts[-1]['faults']} faults", file=sys.stderr, flush=True)
    found = in_all(parts)
    rows.put(f"{found['count']} mutated files", found)
    print(found)
    if found["faults"] or found["slowest_ms"] > 1000 * MAX_SECONDS or found["peak_mb"] * 2**20 > MAX_BYTES:
        raise SystemExit(1)
