"""Write the tables of the pages anew from the published rows: no figure of a table is copied by hand.

    python -m benchmarks tables [--check]

A table stands between `<!-- table: NAME -->` and `<!-- end of table -->`. Rows are in `benchmarks/results/NAME.json`.
Figures that were measured before rows were kept are in `results/transcribed.json`, cell by cell, with where they are
from; the first published run of that benchmark takes their place.
"""

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

from benchmarks.command import parser
from benchmarks.markdown import Table
from benchmarks.rows import RESULTS, Rows, Run, published

ROOT = Path(__file__).parents[1]
PAGES = ("benchmarks/**/*.md", "docs/*.md")
MADE_BY = {
    "glance": "glance:table",
    "control": "quality.control_table:table",
    "control-layers": "quality.control_table:table",
    "published": "papers.published:table",
    "steps": "quality.steps:table",
    "seconds": "speed.seconds:table",
    "layers": "quality.layers:table",
    "takes": "speed.takes:table",
    "memory": "speed.memory:table",
    "memory-large": "speed.large:table",
    "honesty": "papers.honesty:table",
    "honesty-layers": "papers.honesty:table",
    "honesty-older": "papers.honesty:table",
    "gap": "papers.gap:table",
    "beside": "quality.beside:table",
    "heard": "quality.heard:table",
    "doodl": "papers.doodl:table",
    "edits-papers": "papers.edits_papers:table",
    "students": "papers.students:table",
    "reuse": "papers.reuse:table",
    "digits": "papers.digits:table",
    "fixed-noise": "papers.noise.fixed:table",
    "toy-noise": "papers.noise.toy:table",
    "ripples": "papers.noise.ripples:table",
    "losses": "papers.losses:table",
    "inversion": "papers.inversion:table",
    "wordless": "papers.wordless:table",
    "clap": "papers.clap:table",
    "samplers": "papers.samplers:table",
    "graph": "papers.graph:table",
    "hacking": "papers.hacking:table",
    "joint": "papers.joint:table",
    "edits": "quality.edits:table",
    "first-step": "quality.first_step:table",
    "onsets": "quality.onsets:table",
    "model-memory": "models.memory:table",
    "model-seams": "models.seams:table",
    "seam": "quality.seam:table",
    "pocket": "quality.pocket:table",
    "pocket-layers": "quality.pocket:table",
    "pocket-machine": "quality.pocket:machine_table",
    "pocket-real": "quality.pocket:real_table",
    "midi": "speed.midi:table",
    "service": "service.toy:table",
    "verdicts": "quality.verdicts:table",
    "replays": "quality.replays:table",
}
"""Which function of which module makes a table from rows."""

FROM_TABLES = ("glance",)
"""Tables that are made of other tables."""

ROWS_OF = {"published": "control", "pocket-machine": "pocket", "pocket-real": "pocket"}
"""The rows of a table where they are not of its own name."""

MARKED = re.compile(r"(<!-- table: (?P<name>[\w-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def made(name: str) -> Table:
    """Return a table from the published rows, from transcribed cells where there are none."""
    module, _, function = MADE_BY[name].partition(":")
    make = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    if name in FROM_TABLES:
        whole: Table = make()
        return whole
    rows = published(ROWS_OF.get(name, name))
    if rows is not None:
        table: Table = make(rows)
        return replace(table, source=_source(rows.runs))
    kept = json.loads((RESULTS / "transcribed.json").read_text(encoding="utf-8"))
    if name not in kept:
        empty: Table = make(Rows(RESULTS / f"{name}.json"))  # its lines say what is not yet run
        return replace(empty, source="*Not yet measured.*")
    one = kept[name]
    return Table(head=one["head"], body=one["body"], bar=one["bar"], source=_source({"1": one["run"]}))


def _source(runs: dict[str, Run]) -> str:
    """Return the dates, weights and machines of rows in one line."""
    parts = []
    for fact in ("date", "weights", "machine"):
        found = sorted({run[fact] for run in runs.values() if run.get(fact)})
        if found:
            parts.append(" to ".join(dict.fromkeys((found[0], found[-1]))) if fact == "date" else "; ".join(found))
    return f"*Measured {', '.join(parts)}.*"


def rewritten(text: str) -> str:
    """Return a page with its tables made anew."""
    return MARKED.sub(lambda found: f"{found[1]}\n{made(found['name']).markdown()}\n\n{found[3]}", text)


def pages() -> list[Path]:
    """Return the pages that hold tables."""
    return [file for pattern in PAGES for file in sorted(ROOT.glob(pattern)) if MARKED.search(file.read_text("utf-8"))]


def main() -> None:
    """Read the command line; rewrite the pages, or say which would change."""
    options = parser(__doc__)
    options.add_argument("--check", action="store_true", help="change nothing; fail where a page is out of date")
    chosen = options.parse_args()
    for page in pages():
        old = page.read_text("utf-8")
        new = rewritten(old)
        if new == old:
            continue
        if chosen.check:
            raise SystemExit(f"{page.relative_to(ROOT)} is out of date: python -m benchmarks tables")
        page.write_text(new, "utf-8")
        print(f"{page.relative_to(ROOT)} is written anew")
