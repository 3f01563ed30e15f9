"""Tables as Markdown: head, body, and one line that says what is asked and where the bar is from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a page; `bar` is one line, `source` says where the rows are from."""

    head: Sequence[str]
    body: Sequence[Sequence[str]]
    bar: str
    source: str = ""

    def markdown(self) -> str:
        """Return the bar, the table and the source as Markdown."""
        width = len(self.head)
        uneven = [row for row in self.body if len(row) != width]
        if uneven:
            raise ValueError(f"a table with {width} columns has the row {uneven[0]}")
        rows = [self.head, ["---"] * width, *self.body]
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        return "\n\n".join(part for part in (self.bar, "\n".join(lines), self.source) if part)


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit that a figure must keep: at least or at most `limit`, written with `unit` behind it."""

    limit: float
    least: bool = False
    unit: str = ""

    def met(self, value: float) -> bool:
        """Whether `value` keeps the limit."""
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"at {'least' if self.least else 'most'} {self.limit:g}{self.unit}"


def cell(value: float | None, digits: int, bar: Bar | None = None, *, span: tuple[float, float] | None = None) -> str:
    """Return a figure to `digits` significant digits with its interval; bold where it misses `bar`, "" without one."""
    if value is None:
        return ""
    text = _number(value, digits)
    text = f"**{text}**" if bar and not bar.met(value) else text
    return f"{text} ({_number(span[0], digits)}-{_number(span[1], digits)})" if span else text


def _number(value: float, digits: int) -> str:
    text = f"{value:#.{digits}g}".removesuffix(".")
    return f"{float(text):,.0f}" if "e+" in text else "0" if value == 0 else text


def flat(rows: Mapping[str, Mapping[str, object]], bar: str) -> Table:
    """Return a line for each row: its key, and all its figures by name."""
    body = [(key, "; ".join(f"{name} {_plain(value)}" for name, value in row.items())) for key, row in rows.items()]
    return Table(head=("measurement", "figures"), body=body, bar=bar)


def beside_bars(found: Mapping[str, float], bars: Mapping[str, Bar], bar: str) -> Table:
    """Return a line for each figure: its name, its own bar where it has one, the figure."""
    body = [
        (name, str(bars.get(name, "")), f"{value:,}" if isinstance(value, int) else cell(value, 4, bars.get(name)))
        for name, value in found.items()
    ]
    return Table(head=("", "bar", "measured"), body=body, bar=bar)


def _plain(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def with_misses(bar: str, misses: Sequence[str]) -> str:
    """Return the line on a bar; sentences on what misses it come first."""
    return " ".join(["Bar missed:", *misses, bar]) if misses else bar
