"""Run one benchmark: `python -m benchmarks NAME [options]`; without a name, list them."""

import ast
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import engine  # noqa: F401  # before torch: it says how idle threads wait
from benchmarks.rows import OtherWeightsError

MODULES = {
    "control": "quality.control",
    "edits": "quality.edits",
    "steps": "quality.steps",
    "first-step": "quality.first_step",
    "onsets": "quality.onsets",
    "seam": "quality.seam",
    "pocket": "quality.pocket",
    "layers": "quality.layers",
    "heard": "quality.heard",
    "honesty": "papers.honesty",
    "gap": "papers.gap",
    "beside": "quality.beside",
    "doodl": "papers.doodl",
    "edits-papers": "papers.edits_papers",
    "students": "papers.students",
    "reuse": "papers.reuse",
    "digits": "papers.digits",
    "fixed-noise": "papers.noise.fixed",
    "toy-noise": "papers.noise.toy",
    "ripples": "papers.noise.ripples",
    "losses": "papers.losses",
    "inversion": "papers.inversion",
    "wordless": "papers.wordless",
    "clap": "papers.clap",
    "samplers": "papers.samplers",
    "graph": "papers.graph",
    "hacking": "papers.hacking",
    "joint": "papers.joint",
    "papers-pictures": "papers.drawn",
    "seconds": "speed.seconds",
    "layer-seconds": "speed.layers",
    "gpu": "speed.gpu",
    "takes": "speed.takes",
    "memory": "speed.memory",
    "memory-large": "speed.large",
    "midi": "speed.midi",
    "midi-fuzz": "speed.midi_fuzz",
    "service": "service.bars",
    "page": "service.page",
    "service-hostile": "service.hostile",
    "service-chaos": "service.chaos",
    "service-soak": "service.soak",
    "model-memory": "models.memory",
    "model-seams": "models.seams",
    "verdicts": "quality.verdicts",
    "replays": "quality.replays",
    "listen": "listen.make",
    "size": "size",
    "tables": "tables",
    "pictures": "pictures",
    "equality": "equality",
}
"""The module of each name; it has a `main` that reads the command line."""


def summary(module: str) -> str:
    """Return the first line of a module's docstring, without importing it."""
    source = Path(__file__).parent.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]


def listing() -> str:
    """Return all names, by group, with a line for each."""
    width = max(map(len, MODULES))
    lines = [__doc__.splitlines()[0] if __doc__ else ""]
    group = None
    for name, module in MODULES.items():
        if module.rpartition(".")[0] != group:
            group = module.rpartition(".")[0]
            lines.append(f"\n{group or 'all of them'}")
        lines.append(f"  {name:<{width}}  {summary(module)}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark that the first argument names on the other arguments."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(listing())
        return
    name, *options = arguments
    if name not in MODULES:
        raise SystemExit(f"There is no benchmark {name!r}. There are: {', '.join(MODULES)}.")
    sys.argv = [f"python -m benchmarks {name}", *options]
    try:
        importlib.import_module(f"benchmarks.{MODULES[name]}").main()
    except OtherWeightsError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main(sys.argv[1:])
