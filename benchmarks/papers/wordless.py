"""Text for a model that is told none: `pocket` without words, steered by its tower, beside the model that reads them.

    python -m benchmarks wordless --seeds 24 [--publish]

DITTO-2's last application (Novack et al. 2024): an unconditional model becomes one with text by a search for the text's
score. The search follows the tower that may be optimised; the score is the judge's, which no search meets, so that it
is not its own witness. Rows are `WAY/SEED`.
"""

import msgspec
import torch

from benchmarks.command import run_ways
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, judge_vector
from benchmarks.quality.edits import made
from benchmarks.rows import Row, Rows, mean_interval
from engine.pocket import words
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.model import Pocket
from engine.request import Control, Method, Words

SILENT, STEERED, WORDED = "no words", "no words, text by the search", "words, no search"
WAYS = (SILENT, STEERED, WORDED)
BAR = (
    "Bar: the steered model at least half as far above no words as the worded one, by the judge's tower; the project's "
    "own. What DITTO-2 published of it could not be had."
)


def measured(model: Pocket, way: str, seed: int) -> Row:
    """Make one loop; return how well it fits the text by both towers."""
    asked, text = tasks.base(seed), tasks.PROMPTS[seed % len(tasks.PROMPTS)]
    request = msgspec.structs.replace(asked, prompt=text if way == WORDED else "", method=Method.NONE, budget=UNHURRIED)
    if way == STEERED:
        control = Control(kind="text", target=Words(text=text))
        request = msgspec.structs.replace(request, controls=(control,), method=Method.DITTO2)
    take, audio, seconds = made(request, model)
    assert model.towers is not None
    said = torch.zeros(1, WORD_SLOTS, device=model.device)
    said[0, list(words.parse(text).ids)] = 1
    with torch.no_grad():
        score = float(judge_vector(audio, model) @ model.towers.judge.embed_words(said)[0])
    return {"judge": score, "seconds": seconds, "steps": float(str(take.record.get("steps", 0)))}


def table(rows: Rows) -> Table:
    """Return the text's score by the judge for each way, and the share of the worded model's gain."""
    means = {way: mean_interval([row["judge"] for row in rows.below(way).values()]) for way in WAYS}
    base, top = means[SILENT], means[WORDED]
    body = []
    for way in WAYS:
        one, found = means[way], list(rows.below(way).values())
        share = (one[0] - base[0]) / (top[0] - base[0]) if one and base and top and top[0] != base[0] else None
        seconds = mean_interval([row["seconds"] for row in found])
        body.append([
            way, str(len(found)), "not yet run" if one is None else cell(one[0], 3, span=one[1:]), cell(share, 2),
            "" if seconds is None else cell(seconds[0], 2),
        ])  # fmt: skip
    return Table(
        head=("way", "seeds", "text's score by the judge", "share of the words' gain", "s"), body=body, bar=BAR
    )


def main() -> None:
    """Read the command line; make and keep what is missing."""
    rows = run_ways(__doc__, "wordless", baseline.full_mix_weights(), WAYS, baseline.full_mix, measured)
    print(table(rows).markdown())
