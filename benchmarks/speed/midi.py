"""How long MIDI files, lanes and sets take, and in how much memory.

    python -m benchmarks midi [--files FOLDER ...] [--publish]

A lane of 25,000 events is to be read, cut, sampled and thinned within 1 s, a set of
100 MB to be read within 300 MB.
"""

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, flat
from benchmarks.rows import Rows
from midi.curves.automation import sample, thin
from midi.live.set import lane_curve, read_set
from midi.live.testing import BEFORE_THE_SONG, envelope_xml, max_device_xml, set_xml, track_xml
from midi.smf.read import read_midi, write_midi

BAR = (
    "Bars: a lane of 25,000 events read, cut, sampled and thinned within 1 s; a set of 100 MB within 300 MB; of "
    "mutated files none takes a second of processor time or raises another error than our own. The project's own."
)
LANE_EVENTS = 25_000
BIG_BYTES = 100 * 2**20

READ = """
import sys, time
from midi.live.set import read_set
began = time.perf_counter()
read_set(sys.argv[1])
seconds = time.perf_counter() - began
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(seconds, int(peak) / 1024)
"""


def seconds_of(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return round(time.perf_counter() - began, 3)


def lane_set(events: int) -> bytes:
    """Return a set with one wandering lane of that many events."""
    drawn = [(BEFORE_THE_SONG, 0.0), *((i / 16, (i * 7919 % 1000) / 1000) for i in range(events))]
    device = max_device_xml("Ditto.amxd", "Intensity", 500, 0, 1)
    return set_xml(track_xml("Lead", lanes=envelope_xml(500, drawn), devices=device))


def long_lane(path: Path) -> dict[str, float]:
    path.write_bytes(gzip.compress(lane_set(LANE_EVENTS)))
    reading = seconds_of(lambda: read_set(path))
    lane = read_set(path).lanes[0]
    end = Fraction(LANE_EVENTS, 16)
    cutting = seconds_of(lambda: lane_curve(lane, Fraction(0), end))
    curve = lane_curve(lane, Fraction(0), end)
    return {
        "lane_read_s": reading,
        "lane_cut_s": cutting,
        "lane_sample_s": seconds_of(lambda: sample(curve, end, 100_000)),
        "lane_thin_s": seconds_of(lambda: thin(curve.points, 0.01)),
    }


def big_set(path: Path) -> dict[str, float]:
    before, after = lane_set(1).split(b"</Events>", 1)
    events = "".join(f'<FloatEvent Id="1234" Time="{i}" Value="0.70710677" />' for i in range(20_000)).encode()
    with gzip.open(path, "wb", compresslevel=1) as file:
        written = file.write(before)
        while written < BIG_BYTES:
            written += file.write(events)
        file.write(b"</Events>" + after)
    read = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    took, peak = map(float, read.stdout.split())
    return {"set_100mb_s": round(took, 2), "set_100mb_peak_mb": round(peak)}


def real_files(folders: list[Path]) -> dict[str, float]:
    files = sorted(file for folder in folders for file in folder.rglob("*.mid"))
    return {
        "midi_files": len(files),
        "midi_round_trip_s": seconds_of(lambda: [read_midi(write_midi(read_midi(file))) for file in files]),
    }


def table(rows: Rows) -> Table:
    """Return all figures of files, lanes and sets."""
    return flat({key: rows[key] for key in rows}, BAR)


def main() -> None:
    """Read the command line; measure and keep the figures."""
    options = parser(__doc__)
    options.add_argument("--files", type=Path, nargs="*", default=[])
    add_rows(options, "midi")
    chosen = options.parse_args()
    rows = open_rows(chosen)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "set.als"
        rows.put("long lane", long_lane(path))
        rows.put("big set", big_set(path))
    if chosen.files:
        rows.put("real files", real_files(chosen.files))
    print(table(rows).markdown())
