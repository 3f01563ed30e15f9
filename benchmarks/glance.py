"""The table at a glance: one cell of each other table, so that a figure is stored once."""

from benchmarks.markdown import Table

BAR = "Bars: the project's own, set before anything was measured. Each table below says more. Bold misses its bar."
DELIVERED, TUNE_SHOWN = "ditto2", "shown+ditto2"
CHAIN = "4"  # steps of the chain that `pocket` delivers
LINES = (  # label, bar, table, row, column
    ("intensity: MSE, dB²", "0.6", "control", "intensity: MSE, dB²", DELIVERED),
    ("intensity: rho", "0.985", "control", "intensity: rho", DELIVERED),
    ("melody: frames in tune, %", "95", "control", "melody: frames in tune, %", TUNE_SHOWN),
    ("melody: by basic-pitch, %", "82", "control", "melody: frames in tune by basic-pitch, %", TUNE_SHOWN),
    ("both: MSE, dB²", "1", "control", "both: MSE, dB²", TUNE_SHOWN),
    ("both: frames in tune, %", "90", "control", "both: frames in tune, %", TUNE_SHOWN),
    ("rhythm: F1 at 25 ms", "0.8", "control", "rhythm: F1 at 25 ms", DELIVERED),
    ("structure: MSE over that of none", "0.05", "control", "structure: MSE over that of none", DELIVERED),
    ("brightness: error, octaves", "0.25", "control", "brightness: error, octaves", DELIVERED),
    ("text: preferred to none, %", "80", "control", "text: the judge's tower prefers it to none, %", DELIVERED),
    ("good seams of controlled loops", "98 %", "control", "seams that are good", DELIVERED),
    ("music is kept: intensity", "1.1, upper end", "honesty", "intensity, ditto2", "ratio (95 %)"),
    ("music is kept: melody", "1.1, upper end", "honesty", "melody, shown+ditto2", "ratio (95 %)"),
    ("music is kept: rhythm", "1.1, upper end", "honesty", "rhythm, ditto2", "ratio (95 %)"),
    ("seconds: intensity", "2.5", "seconds", "two cores, bfloat16 without matrix units", "intensity"),
    ("seconds: melody", "4", "seconds", "two cores, bfloat16 without matrix units", "melody"),
    ("seconds: both", "8", "seconds", "two cores, bfloat16 without matrix units", "intensity+melody"),
    ("seconds: redraw", "0.8", "seconds", "two cores, bfloat16 without matrix units", "redraw"),
    ("seconds on an H100: intensity", "0.3", "seconds", "one NVIDIA H100, bfloat16, older weights", "intensity"),
    ("`pocket`: on the grid, %", "95", "pocket", "on the grid, % of loops with drums", CHAIN),
    ("`pocket`: key, %", "80", "pocket", "key right or relative, % of tonal loops", CHAIN),
    ("`pocket`: genre, %", "70", "pocket", "genre as asked, %", CHAIN),
    ("`pocket`: instrument groups, %", "85", "pocket", "instrument groups as asked, %", CHAIN),
    ("`pocket`: Frechet distance over that of two halves", "3", "pocket",
     "Frechet distance, times that of two halves", CHAIN),
    ("`pocket`: variety at a fixed prompt", "0.7", "pocket", "variety at a fixed prompt", CHAIN),
    ("`pocket`: prompt ranks its audio first among 16, %", "60", "pocket",
     "prompt ranks its audio first among 16, %", CHAIN),
    ("`pocket`: all weights, MiB", "24", "pocket-machine", "all weights, MiB", "value"),
    ("`pocket`: text to 8 s of audio, s", "1", "pocket-machine", "text to 8 s of audio with 4 steps, s", "value"),
)  # fmt: skip


def table() -> Table:
    """Return one figure of each kind."""
    from benchmarks.tables import made

    found = {name: made(name) for name in dict.fromkeys(line[2] for line in LINES)}
    body = [(label, bar, _cell(found[name], row, column)) for label, bar, name, row, column in LINES]
    return Table(head=("", "bar", "measured"), body=body, bar=BAR)


def _cell(table: Table, row: str, column: str) -> str:
    place = list(table.head).index(column)
    for line in table.body:
        if line[0] == row:
            return line[place]
    raise LookupError(f"no table has the row {row!r} with the column {column!r}")
