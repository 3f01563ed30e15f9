"""Memory and time of one optimisation step of 20 sampling steps for models of half a billion to two billion parameters.

    python -m benchmarks memory-large --publish                       # counted
    python -m benchmarks memory-large --measured 700 --publish        # a real step, too, where memory allows

The transformer of `memory` in float32. Bytes and floating-point operations are counted with fake tensors, which have
sizes but no contents, through the same chain and both halves of its gradient. A measured step is a process of its own
that gives back what it frees, and its time is that of one thread's processor. The time of a model that was only counted
is its operations at the rate of the largest one that was measured. Rows are `counted/MILLIONS/KIND` and
`measured/MILLIONS/KIND`; millions are those that are asked for, and a network has some less.
"""

import json
import os
import subprocess
import sys
from functools import partial

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.models.memory import Alive, in_numbers
from benchmarks.rows import Row, Rows, published
from benchmarks.speed.memory import CHANNELS, FRAMES, GIVE_BACK, KINDS, chain, network
from engine.models.protocol import Schedule

STEPS = 20
SIZES = (200, 700, 1_300, 2_700)  # asked for; with 148 M, 0.5, 1 and 2 B parameters
GIB = 2**30
BAR = (
    "No bar: no paper steers so large a model. `memory` has the bars for recomputing. Counted beside measured says how "
    "far counting can be trusted."
)


def counted(millions: float, *, checkpoint: bool) -> Row:
    """Return the bytes of the weights, the peak of a step above them and its operations, without running it."""
    schedule = in_numbers(Schedule.straight(STEPS))
    with FakeTensorMode(allow_non_fake_inputs=True):
        model = network(millions, "cpu")
        parameters = list(model.parameters())
        noise = torch.randn(1, CHANNELS, FRAMES, requires_grad=True)
        sampled = chain(model, schedule, checkpoint=checkpoint, device="cpu")
        alive, operations = Alive([*parameters, noise]), FlopCounterMode(display=False)
        before = alive.bytes
        with alive:
            sampled(noise).square().mean().backward()
        with operations, torch.no_grad():  # counting both at once would keep what is freed
            sampled(noise)
        size = sum(one.numel() for one in parameters)
    passes = (
        3 if checkpoint else 2
    )  # no gradient goes to the weights, so that the way back costs as much as the way there
    return {
        "millions": size / 1e6, "weights": 4.0 * size, "bytes": float(alive.peak_bytes - before),
        "operations": float(passes * operations.get_total_flops()),
    }  # fmt: skip


def measured(millions: float, *, checkpoint: bool) -> Row:
    """Return the peak and the processor's seconds of a real step, in a process of its own."""
    point = f"{STEPS},{millions},{int(checkpoint)},cpu"
    command = [sys.executable, "-m", "benchmarks", "memory", "--point", point]
    environment = os.environ | GIVE_BACK | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout.splitlines()[-1])
    return {"bytes": found["bytes"], "seconds": found["busy"], "millions": found["millions"]}


def real(rows: Rows, millions: float, kind: str) -> Row:
    """Return the measured row of a size; that of `memory` where there is none of this benchmark."""
    older = published("memory")
    own = rows.find(f"measured/{millions:g}/{kind}")
    return own or (older.find(f"{millions:g}/{STEPS}/{kind}") if older else {})


def table(rows: Rows) -> Table:
    """Return counted and measured memory and time of each size."""
    rates = {kind: _rate(rows, kind) for kind in KINDS}
    body = []
    for millions in SIZES:
        for kind in KINDS:
            count, own = rows.find(f"counted/{millions:g}/{kind}"), real(rows, millions, kind)
            if not count:
                body.append([f"{millions:,} M asked for", kind, "", "not yet run", *[""] * 4])
                continue
            rate = rates[kind]
            seconds = cell(own.get("seconds"), 3) + (" measured" if own else "")
            if not own and rate:
                seconds = f"{cell(count['operations'] / rate, 3)} by operations"
            body.append([
                f"{count['millions']:,.0f} M", kind, cell(count["weights"] / GIB, 3), cell(count["bytes"] / GIB, 3),
                cell(own["bytes"] / GIB if own else None, 3), cell(own["bytes"] / count["bytes"] if own else None, 2),
                cell(count["operations"] / 1e12, 3), seconds,
            ])  # fmt: skip
    head = ("parameters", "activations", "weights, GiB", "step, GiB, counted", "measured", "over counted",
            "10^12 operations", "seconds")  # fmt: skip
    return Table(head=head, body=body, bar=BAR)


def _rate(rows: Rows, kind: str) -> float | None:
    """Return the operations a second of the largest step that was measured."""
    for millions in reversed(SIZES):
        count, own = rows.find(f"counted/{millions:g}/{kind}"), real(rows, millions, kind)
        if count and own:
            return float(count["operations"] / own["seconds"])
    return None


def main() -> None:
    """Read the command line; count and measure what is missing."""
    options = parser(__doc__)
    options.add_argument("--measured", default="", help="sizes that are run, too, of those that are counted")
    options.add_argument("--kinds", default=",".join(KINDS), help="of the steps that are run")
    add_rows(options, "memory-large")
    chosen = options.parse_args()
    rows = open_rows(chosen)
    for millions in map(float, SIZES):
        for kind, checkpoint in KINDS.items():
            rows.get(f"counted/{millions:g}/{kind}", partial(counted, millions, checkpoint=checkpoint))
    for millions in map(float, filter(None, chosen.measured.split(","))):
        for kind in chosen.kinds.split(","):
            rows.get(f"measured/{millions:g}/{kind}", partial(measured, millions, checkpoint=KINDS[kind]))
    print(table(rows).markdown())
