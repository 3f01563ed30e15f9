"""How many lines run: the product without training, build tools and test doubles.

    python -m benchmarks size [--commit 9f1f3d1] [--since 9f1f3d1]

A line counts if it holds code: blank lines, comments, docstrings and lines that only close a bracket do not, so that
lines which are joined or split change little. Files are those that the wheel installs (Python), and what the device and
the pages run in the browser (JavaScript, where `//` and `/* */` are comments). With `--commit` the files are those of a
commit of this repository. With `--since` the Python lines of files that a commit had, moved or not, are told apart
from those of files that are new since then. That is a split by file, not by feature: code that moved out of an old
file into a new one counts as new.
"""

import ast
import io
import subprocess
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.command import parser

ROOT = Path(__file__).parents[1]
PACKAGES = ("engine", "bridge", "midi", "max_for_live")
LEFT_OUT = (  # what `[tool.hatch.build.targets.wheel]` excludes, under its names now and before
    "engine/training/", "engine/models/testing.py", "engine/service/workers/toy.py", "engine/service/toy.py",
    "bridge/testing.py", "bridge/osc/reference.py", "bridge/reference.py", "midi/live/testing.py",
)  # fmt: skip
OF_THE_DEVICE = ("max_for_live/__init__.py", "max_for_live/errors.py", "max_for_live/install.py")
CLOSING = set("()[]{},:")


def files(commit: str | None) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file of the product that runs."""
    if commit is None:
        names = [
            file.relative_to(ROOT).as_posix()
            for package in PACKAGES
            for file in sorted((ROOT / package).rglob("*"))
            if file.suffix in (".py", ".js")
        ]
        yield from ((name, (ROOT / name).read_text(encoding="utf-8")) for name in names if runs(name))
        return
    for name in _git("ls-tree", "-r", "--name-only", commit, *PACKAGES).splitlines():
        if name.endswith((".py", ".js")) and runs(name):
            yield name, _git("show", f"{commit}:{name}")


def runs(name: str) -> bool:
    """Whether a file is loaded by somebody who uses the product."""
    if name.startswith("max_for_live/"):
        return name in OF_THE_DEVICE or name.endswith(".js")
    return not name.startswith(LEFT_OUT)


def lines_of_python(text: str) -> int:
    """Return how many lines hold code: no blank line, comment, docstring or closing bracket alone."""
    doc = {
        number
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for number in _docstring(node)
    }
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped and token.string not in CLOSING:
            code.update(range(token.start[0], token.end[0] + 1))
    return len(code - doc)


def _docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return range(first.lineno, (first.end_lineno or first.lineno) + 1)
    return range(0)


def lines_of_javascript(text: str) -> int:
    """Return how many lines hold code, by the same rule; a comment is one that begins its line."""
    count, inside = 0, False
    for raw in text.splitlines():
        line = raw.strip()
        if inside or line.startswith("/*"):
            inside = "*/" not in line
        elif line and not line.startswith("//") and not set(line) <= CLOSING | {";"}:
            count += 1
    return count


def counted(commit: str | None = None) -> Counter[str]:
    """Return the lines by package and language."""
    found: Counter[str] = Counter()
    for name, text in files(commit):
        script = name.endswith(".js")
        group = f"{name.split('/')[0]}{' (JavaScript)' if script else ''}"
        found[group] += lines_of_javascript(text) if script else lines_of_python(text)
    return found


def by_age(since: str) -> tuple[int, int]:
    """Return the Python lines of files that the commit had, whatever they were called, and of files new since then."""
    changes = _git("diff", "--name-status", "-M40", "--diff-filter=A", since, "--", *PACKAGES).splitlines()
    new = {line.split("\t")[-1] for line in changes}
    counts = {name: lines_of_python(text) for name, text in files(None) if name.endswith(".py")}
    recent = sum(lines for name, lines in counts.items() if name in new)
    return sum(counts.values()) - recent, recent


def main() -> None:
    """Read the command line and print the lines of each package."""
    options = parser(__doc__)
    options.add_argument("--commit", help="count a commit, not the files that are here")
    options.add_argument("--since", help="tell files that this commit had from files that are new")
    chosen = options.parse_args()
    found = counted(chosen.commit)
    for group, lines in sorted(found.items()):
        print(f"{lines:7,}  {group}")
    python = sum(lines for group, lines in found.items() if "JavaScript" not in group)
    print(f"{python:7,}  all Python\n{found.total():7,}  all")
    if chosen.since:
        old, new = by_age(chosen.since)
        print(f"{old:7,}  Python in files that {chosen.since} had\n{new:7,}  Python in files that are new")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
