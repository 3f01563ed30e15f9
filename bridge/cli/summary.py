"""The summary of finished takes: one JSON object for programs, a few lines for people."""

import json
from pathlib import Path

from .follow import Outcome
from .guard import say
from .output import TakeWriter


def as_json(takes: TakeWriter, outcome: Outcome, seconds: float, report: Path | None) -> str:
    """Return one object on one line; `seconds` is the time it took, start-up included."""
    request = takes.request
    made = [
        {
            "path": str(kept.path.absolute()),
            "samples": kept.samples,
            "scores": kept.take.scores,
            "notes": kept.take.notes,
            "verdicts": kept.take.record.get("verdicts", []),
            "layers": kept.take.record.get("layers", []),
            "chords": kept.take.record.get("chords", ""),
            "muted": kept.take.record.get("muted", []),
            "midi": None if kept.midi is None else str(kept.midi.absolute()),
            "stems": {layer: str(file.absolute()) for layer, file in kept.files.items()},
        }
        for kept in takes.kept
    ]
    best = takes.kept[0].take if takes.kept else None
    said = {
        "path": made[0]["path"] if made else None,
        "samples": made[0]["samples"] if made else 0,
        "sample_rate": request.sample_rate,
        "bars": request.bars,
        "tempo_bpm": float(request.tempo_bpm),
        "seconds": round(seconds, 3),
        "steps": outcome.steps,
        "scores": best.scores if best else {},
        "key": (best.record.get("key") if best else None) or request.key,
        "seed": request.seed,
        "gain_db": best.record.get("gain_db") if best else None,
        "takes": made,
        "notes": outcome.notes,
        "report": str(report.absolute()) if report is not None and made else None,
        "interrupted": outcome.interrupted,
    }
    return json.dumps(said) + "\n"  # plain ASCII, which every console and pipe can carry


def in_words(takes: TakeWriter, outcome: Outcome, seconds: float, report: Path | None) -> str:
    """Return a line for each take, with its scores, and one for the report."""
    lines = []
    for kept in takes.kept:
        scores = ", ".join(f"{name} {value:.3g}" for name, value in kept.take.scores.items() if value is not None)
        lines.append(f"{kept.path}" + (f"  ({scores})" if scores else ""))
        lines += [f"{file}" for file in (*kept.files.values(), *((kept.midi,) if kept.midi else ()))]
        if kept.midi is not None:
            say(kept.take.notes[-1])
    if report is not None and takes.kept:
        lines.append(f"{report}")
    if takes.kept:
        say(f"Made in {seconds:.1f} s with {outcome.steps} step{'s' * (outcome.steps != 1)}.")
    return "".join(f"{line}\n" for line in lines)
