"""A line counts if it holds code, and only what is installed counts."""

from benchmarks import size

SOURCE = '''"""A module."""

# a comment
def f(
    x: int,
) -> str:
    """A docstring
    of two lines."""
    return """text
that is code"""  # a comment behind code
'''


def test_only_code_counts() -> None:
    """Blank lines, comments, docstrings and brackets alone do not; a long string is code."""
    assert size.lines_of_python(SOURCE) == 5
    assert size.lines_of_javascript("// no\n/* no\nno */\n\nlet x = 1;\n});\n") == 1


def test_joined_lines_do_not_count_for_much() -> None:
    """A call over many lines counts its arguments, not its brackets."""
    assert size.lines_of_python("f(\n    1,\n)\n") == 2
    assert size.lines_of_python("f(1)\n") == 1


def test_the_workshop_does_not_count() -> None:
    """Training, what builds the device and test doubles are left out, as they are of the wheel."""
    for name in ("engine/training/flow.py", "bridge/testing.py", "max_for_live/patcher.py"):
        assert not size.runs(name)
    for name in ("engine/pipeline.py", "max_for_live/install.py", "max_for_live/code/Main.js"):
        assert size.runs(name)
    assert size.counted().total() > 10_000
