"""Whether takes come back: made again from the take without a change, and replayed, they are the same to the last bit.

    python -m benchmarks replays [--takes 100] [--publish]

Takes of all kinds: each control, several at once, several takes of a request, variations and redraws, other methods,
metres, rates and ends, words in several languages. What is compared are the delivered files, 24 bits a sample. Each
request is a row that is kept as it comes. 100 take some 12 minutes of two cores.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, beside_bars
from benchmarks.quality.control import weights_of
from benchmarks.rows import Row, Rows
from bridge.cli.commands.render import rows_of
from bridge.cli.commands.replay import replay_take
from bridge.requests.fields import BY_NAME, Frontend
from bridge.requests.reader import read_request
from bridge.takes import library
from bridge.takes.delivery import write_take
from engine import pipeline
from engine.audio.wav import read_audio
from engine.events import Take
from engine.service.workers.jobs import ModelJobs
from engine.settings import Settings
from midi.notes import Note
from midi.smf.read import score_of_notes, write_midi
from midi.tempo import Meter

SHORT = {"bars": "1", "tempo_bpm": "150"}
SEARCHED = {**SHORT, "steps": "3"}
LEVEL, LINE = "0:-30 2:-14 4:-30", "0:600 2:3000 4:600"
TUNE, DRUMS, SOUND, FIRST = "tune.mid", "drums.mid", "sound.wav", "first"  # files of the bench, put in their place
KINDS: dict[str, dict[str, str]] = {
    "words": {**SHORT, "method": "none", "prompt": "house, bass and chords"},
    "words alone decide": {"method": "none", "prompt": "hip hop in F minor at 140 bpm, 1 bar"},
    "German words": {**SHORT, "method": "none", "prompt": "ruhiges Klavier, ohne Schlagzeug"},
    "Japanese words": {**SHORT, "method": "none", "prompt": "静かなピアノ"},
    "no words": {**SHORT, "method": "none", "prompt": ""},
    "what it should not be": {**SHORT, "method": "none", "prompt": "techno", "negative_prompt": "hats"},
    "key": {**SHORT, "method": "none", "prompt": "synthwave", "key": "C# dorian"},
    "7/8": {"bars": "1", "tempo_bpm": "133.37", "time_signature": "7/8", "method": "none", "prompt": "funk"},
    "48 kHz": {**SHORT, "method": "none", "prompt": "dub", "sample_rate": "48000"},
    "open ends": {**SHORT, "method": "none", "prompt": "ambient", "loop": "0"},
    "four bars": {"bars": "4", "tempo_bpm": "174", "method": "none", "prompt": "drum and bass"},
    "intensity": {**SEARCHED, "prompt": "house", "intensity": LEVEL},
    "brightness": {**SEARCHED, "prompt": "techno", "brightness": LINE},
    "melody": {**SEARCHED, "prompt": "synthwave, lead", "melody": TUNE},
    "rhythm": {**SEARCHED, "prompt": "funk", "rhythm": DRUMS},
    "groove of a recording": {**SEARCHED, "prompt": "funk", "rhythm": SOUND},
    "structure": {**SEARCHED, "bars": "2", "prompt": "lo-fi", "structure": "AABA"},
    "timbre": {**SEARCHED, "prompt": "pad", "timbre": SOUND},
    "text": {**SEARCHED, "prompt": "jazz piano", "text.weight": "1"},
    "inpaint": {**SEARCHED, "prompt": "house", "inpaint": SOUND, "keep": "0:2"},
    "outpaint": {"tempo_bpm": "150", "steps": "3", "prompt": "house", "inpaint": SOUND, "outpaint": "1"},
    "within a range": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "intensity.within": "0:2"},
    "two controls": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "brightness": LINE, "brightness.weight": "2"},
    "three controls": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "melody": TUNE, "rhythm": DRUMS},
    "several takes": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "count": "2"},
    "several takes without a search": {**SHORT, "method": "none", "prompt": "dub techno", "count": "3"},
    "guidance": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "method": "guidance"},
    "ditto": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "method": "ditto"},
    "ditto-paper": {**SEARCHED, "prompt": "house", "intensity": LEVEL, "method": "ditto-paper"},
    "variation": {"from_take": FIRST, "variation": "0.3"},
    "far variation": {"from_take": FIRST, "variation": "0.9"},
    "redraw": {"from_take": FIRST, "steps": "3", "intensity": LEVEL},
}
LAYERED: dict[str, dict[str, str]] = {
    "the full mix": {**SHORT, "method": "none", "prompt": "house", "layers": "mix"},
    "layers": {**SHORT, "method": "none", "prompt": "house", "layers": "drums,bass,chords"},
    "layers and a search": {**SEARCHED, "prompt": "house", "layers": "drums,bass", "intensity": LEVEL},
    "chords": {**SHORT, "method": "none", "prompt": "lo-fi", "key": "A minor", "chords": "Am F"},
    "a muted layer": {**SHORT, "method": "none", "prompt": "house", "layers": "drums,bass", "mute": "bass"},
}
BARS = {"from the take, %": Bar(100, least=True), "replayed, %": Bar(100, least=True)}
BAR = "Bars: the project's own, set before measuring: every file the same to the last bit, on one computer."

_jobs: list[ModelJobs] = []


def jobs(settings: Settings) -> ModelJobs:
    """Return what makes loops, with the model that is loaded already."""
    if not _jobs:
        _jobs.append(ModelJobs(settings))
    return _jobs[0]


def kinds() -> dict[str, dict[str, str]]:
    """Return the settings of each kind that this version has."""
    layered = LAYERED if "layers" in BY_NAME else {}
    return KINDS | {name: settings for name, settings in layered.items() if all(one in BY_NAME for one in settings)}


@dataclass
class Bench:
    """A takes folder, the files that requests name, and the settings of the engine."""

    folder: Path
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.settings = Settings(takes=self.folder / "takes")
        for name, notes in ((TUNE, _notes(69, 72, 76, 74)), (DRUMS, _notes(36, 42, 38, 42))):
            score = score_of_notes(notes, tempo_bpm=Fraction(150), meter=Meter())
            (self.folder / name).write_bytes(write_midi(score))
        self.first = self.made({**KINDS["words"], "seed": "1"})[0]

    def made(self, settings: Mapping[str, str]) -> list[Path]:
        """Make what is asked for, and return its files."""
        named = {name: self._placed(text) for name, text in settings.items()}
        asked = read_request(named, frontend=Frontend.COMMAND_LINE, takes=self.settings.takes, rows=rows_of(None))
        model = jobs(self.settings)._load(asked.request.model, lambda _fraction, _sentence: None)
        made = pipeline.make_loop(asked.request, model, self.settings)
        takes = [event for event in made if isinstance(event, Take)]
        return [Path(write_take(self.settings.takes, asked.request, take).path) for take in takes]

    def _placed(self, text: str) -> str:
        if text in (SOUND, FIRST):
            return str(self.first)
        return str(self.folder / text) if text in (TUNE, DRUMS) else text

    def come_back(self, settings: Mapping[str, str]) -> Row:
        """Make takes, each once more from itself and by a replay, and return how many came back."""
        wavs = self.made(settings)
        row: Row = {"takes": len(wavs), "from_take": 0, "replayed": 0}
        for wav in wavs:
            (again,) = self.made({"from_take": str(wav)})
            row["from_take"] += int(_is_same(wav, again))
            replay = replay_take(
                library.find(self.settings.takes, wav.stem.rpartition("-")[2]), self.settings, jobs=f"{__name__}:jobs"
            )
            row["replayed"] += int(replay.same)
            if not replay.same:
                row["said"] = replay.sentence
        return row


def _notes(*pitches: int) -> list[Note]:
    return [Note(pitch, Fraction(beat), Fraction(7, 8)) for beat, pitch in enumerate(pitches)]


def _is_same(one: Path, other: Path) -> bool:
    return one != other and np.array_equal(read_audio(one)[0], read_audio(other)[0])


def summary(rows: Rows) -> dict[str, float]:
    """Return how many takes came back in either way."""
    takes = [rows[key] for key in rows]
    count = sum(row["takes"] for row in takes)
    return {
        "takes": count,
        "from the take, %": 100 * sum(row["from_take"] for row in takes) / max(1, count),
        "replayed, %": 100 * sum(row["replayed"] for row in takes) / max(1, count),
    }


def table(rows: Rows) -> Table:
    """Return the summary of the published takes."""
    return beside_bars(summary(rows), BARS, BAR)


def main() -> None:
    """Read the command line; make what is missing, and fail where a take does not come back."""
    options = parser(__doc__)
    options.add_argument("--takes", type=int, default=100, help="requests; some have several takes")
    add_rows(options, "replays")
    chosen = options.parse_args()
    rows, names = open_rows(chosen, weights_of("pocket")), list(kinds())
    keys = [f"{names[number % len(names)]}/{number}" for number in range(chosen.takes)]
    with tempfile.TemporaryDirectory() as folder:
        bench: Bench | None = None
        for number, key in enumerate(keys):
            if key in rows:
                continue
            bench = bench or Bench(Path(folder))
            settings = {"seed": str(1000 + number), **kinds()[key.rpartition("/")[0]]}
            row = bench.come_back(settings)
            rows.put(key, row)
            print(f"{number + 1} of {chosen.takes}: {key} {row}", flush=True)
    found = summary(rows)
    print(found)
    if not all(bar.met(found[name]) for name, bar in BARS.items()):
        raise SystemExit(1)
