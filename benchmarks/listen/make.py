"""Make the page to listen to: loops without and with control on the same seed, in one HTML file that needs no server.

    python -m benchmarks listen

Reads benchmarks/listen/requests.json, makes each loop with the model in the repository, and writes
docs/listen/index.html with the sound inside. Nothing is picked: a request is made once, with the seed that it names.
With `--only` the items that are named are made, and those that the page has already stay in it.
"""

import base64
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from benchmarks.command import parser
from bridge.page.details import described
from bridge.takes.delivery import write_files
from bridge.takes.library import stored_takes
from engine.audio.resample import resampled
from engine.events import Sound, Stems, Take
from engine.metrics import intensity
from engine.models import catalogue
from engine.models.protocol import Model
from engine.pipeline import make_loop
from engine.request import Audio, Control, Curve, LoopRequest, Method, Notes, Onsets, Point, Start, Words
from engine.settings import Settings
from midi.grooves.rhythm import Onset
from midi.notes import Note
from midi.tempo import exact

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "listen" / "index.html"
OPUS_RATE = 48_000
PAD_SECONDS = 0.25  # of the loop round itself, before and after: a lossy codec has no clean first and last frame
COMPRESSION = 0.85  # of libsndfile, 0 to 1: at most 100 kbit/s
STEM_COMPRESSION = 0.92  # a layer alone is simpler than their sum
LEVEL_POINTS = 400
MAX_PAGE_BYTES = 4 * 2**20


def main() -> None:
    """Make all loops and write the page."""
    options = parser(__doc__)
    options.add_argument("--requests", type=Path, default=HERE / "requests.json")
    options.add_argument("--out", type=Path, default=PAGE)
    options.add_argument("--only", nargs="*", help="names of items to make; others stay as the page has them")
    chosen = options.parse_args()
    items = json.loads(chosen.requests.read_text(encoding="utf-8"))
    settings = Settings()
    model = catalogue.load("pocket", settings)
    fresh = {item["name"]: item for item in pairs(items, model, settings, only=chosen.only)}
    there = read_back(chosen.out) if chosen.only and chosen.out.exists() else {}
    made = [found for item in items if (found := fresh.get(item["name"]) or there.get(item["name"]))]
    page = written(made)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(page, encoding="utf-8")
    size = chosen.out.stat().st_size
    print(f"{len(made)} pairs, {size / 2**20:.2f} MiB: {chosen.out}")
    if size > MAX_PAGE_BYTES:
        raise SystemExit(f"The page may have {MAX_PAGE_BYTES / 2**20:g} MiB.")


def pairs(
    items: list[dict[str, Any]], model: Model, settings: Settings, *, only: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield each item with its two loops; a later item may begin at an earlier one's take."""
    takes: dict[str, Made] = {}
    wanted = needed(items, only) if only else {item["name"] for item in items}
    for item in items:
        if item["name"] not in wanted:
            continue
        request = asked(item, takes)
        before = takes[item["from"]] if "from" in item else made(uncontrolled(request, item), model, settings)
        after = made(request, model, settings)
        takes[item["name"]] = after
        print(item["name"], after.take.scores, flush=True)
        if only and item["name"] not in only:
            continue
        yield {
            "name": item["name"],
            "title": item["title"],
            "text": item["about"],
            "labels": item.get("labels", ["without control", "with control"]),
            "loops": [before.loop, after.loop],
        }


@dataclass(frozen=True, slots=True)
class Made:
    """A request, its best take, and the take's stems where they were asked for."""

    request: LoopRequest
    take: Take
    stems: Stems | None = None

    @property
    def loop(self) -> dict[str, Any]:
        """The loop as the page has it."""
        return loop(self.request, self.take, self.stems)


def needed(items: list[dict[str, Any]], names: list[str]) -> set[str]:
    """Return the names with those of the items that they begin at."""
    begun = {item["name"]: item.get("from") for item in items}
    found: set[str] = set()
    for name in names:
        at: str | None = name
        while at is not None and at not in found:
            found.add(at)
            at = begun.get(at)
    return found


def read_back(page: Path) -> dict[str, dict[str, Any]]:
    """Return the items that a page was written with, by their names."""
    text = page.read_text(encoding="utf-8").partition('id="data">')[2].partition("</script>")[0]
    return {item["name"]: item for item in json.loads(text)}


def uncontrolled(request: LoopRequest, item: dict[str, Any]) -> LoopRequest:
    """Return the same words and seed with nothing to follow, or with the fields that the item's `without` names."""
    bare = {"layers": tuple(request.layers), "chords": request.chords, **item.get("without", {})}
    bare["layers"] = tuple(bare["layers"])
    return msgspec.structs.replace(request, controls=(), method=Method.NONE, stems=False, **bare)


def asked(item: dict[str, Any], takes: dict[str, Made]) -> LoopRequest:
    """Return an item's request."""
    fields = dict(item["request"])
    fields["tempo_bpm"] = exact(fields.get("tempo_bpm", "120"))
    start = None
    if "from" in item and "keep" not in item:
        start = Start(noise=takes[item["from"]].take.noise, variation=item.get("variation", 0.0))
    return LoopRequest(**fields, start=start, controls=tuple(controls(item, takes)))


def controls(item: dict[str, Any], takes: dict[str, Made]) -> Iterator[Control]:
    """Yield an item's controls from their short forms."""
    for kind, unit in (("intensity", "db"), ("brightness", "hz")):
        if kind in item:
            points = tuple(Point(exact(beat), float(value)) for beat, value in item[kind])
            yield Control(kind=kind, target=Curve(points=points, unit=unit))  # type: ignore[arg-type]  # one of its literals
    if "melody" in item:
        notes = (Note(pitch=p, start=exact(s), duration=exact(d), velocity=100) for p, s, d in item["melody"])
        yield Control(kind="melody", target=Notes(notes=tuple(notes)))
    if "rhythm" in item:
        strokes = (Onset(exact(beat), float(strength), group) for beat, strength, group in item["rhythm"])
        yield Control(kind="rhythm", target=Onsets(onsets=tuple(strokes)))
    for kind in ("structure", "text"):
        if kind in item:
            yield Control(kind=kind, target=Words(text=item[kind]))
    if "keep" in item:
        sound = takes[item["from"]].take.sound
        keep = tuple((Fraction(start), Fraction(end)) for start, end in item["keep"])
        reference = Audio(samples=sound.samples, sample_rate=sound.sample_rate, channels=sound.channels, keep=keep)
        yield Control(kind="inpaint", target=reference)


def made(request: LoopRequest, model: Model, settings: Settings) -> Made:
    """Return the request, its best take, and the take's stems."""
    events = list(make_loop(request, model, settings))
    take = next(event for event in events if isinstance(event, Take))
    return Made(request, take, next((event for event in events if isinstance(event, Stems)), None))


def loop(request: LoopRequest, take: Take, stems: Stems | None = None) -> dict[str, Any]:
    """Return a loop as the page has it: its sound, and its lines, notes and hits as numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2000-01-01" / "loop.wav"
        write_files(path, request, take)
        (found,) = stored_takes(Path(folder))
        whole = described(found)
    samples = np.frombuffer(take.sound.samples, "<f4").reshape(-1, take.sound.channels).T
    return {
        "frames": opus_frames(samples.shape[1], take.sound.sample_rate),
        "bars": request.bars,
        "beats": whole["beats"],
        "beats_per_bar": whole["beats_per_bar"],
        "facts": f"“{request.prompt}”, {float(request.tempo_bpm):g} BPM, seed {request.seed}",
        "outline": whole["outline"],
        "controls": whole["controls"],
        "level_db": level(samples, take.sound.sample_rate),
        "pad": round(PAD_SECONDS * OPUS_RATE),
        "sound": encoded(take.sound),
        "stems": {} if stems is None else {name: encoded(one, STEM_COMPRESSION) for name, one in stems.sounds.items()},
    }


def encoded(sound: Sound, compression: float = COMPRESSION) -> str:
    """Return a sound as Opus in base64."""
    samples = np.frombuffer(sound.samples, "<f4").reshape(-1, sound.channels).T
    return base64.b64encode(opus(samples, sound.sample_rate, compression)).decode()


def level(samples: "np.ndarray[Any, Any]", sample_rate: int) -> list[float]:
    """Return the level over a loop in dBFS, as the scores measure it, asked for or not."""
    heard = intensity.level_curve(samples.astype(np.float64).mean(0), sample_rate, circular=True)
    return [round(float(value), 2) for value in heard[:: max(1, len(heard) // LEVEL_POINTS)]]


def opus_frames(samples: int, sample_rate: int) -> int:
    """Return how many samples a loop has at Opus's rate: whole ones, so that its loop points lie between samples."""
    return round(samples * OPUS_RATE / sample_rate)


def opus(samples: "np.ndarray[Any, Any]", sample_rate: int, compression: float = COMPRESSION) -> bytes:
    """Return a loop as Opus, with a piece of itself before and after, so that it is whole between its loop points."""
    count = opus_frames(samples.shape[1], sample_rate)
    exactly = resampled(samples.astype(np.float64), count, circular=True)
    pad = round(PAD_SECONDS * OPUS_RATE)
    padded = np.take(exactly, np.arange(-pad, count + pad), axis=1, mode="wrap")
    file = io.BytesIO()
    soundfile.write(file, padded.T, OPUS_RATE, format="OGG", subtype="OPUS", compression_level=compression)
    return file.getvalue()


def written(items: list[dict[str, Any]]) -> str:
    """Return the page with its style, script and loops inside."""
    page = (HERE / "page.html").read_text(encoding="utf-8")
    data = json.dumps(items, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    for name, text in (
        ("style", (HERE / "page.css").read_text(encoding="utf-8")),
        ("script", (HERE / "page.js").read_text(encoding="utf-8")),
        ("data", data),
    ):
        page = page.replace(f"{{{{{name}}}}}", text)
    return page


if __name__ == "__main__":
    main()
