"""One command runs every benchmark and says which there are."""

import importlib
import inspect

import pytest

from benchmarks import __main__ as runner


@pytest.mark.parametrize("name", runner.MODULES)
def test_every_benchmark_has_a_line_and_a_command_line(name: str) -> None:
    """The listing names each benchmark with one sentence, and each can be run without arguments of its own."""
    module = runner.MODULES[name]
    assert runner.summary(module).endswith((".", "?", "`."))
    assert f"  {name} " in runner.listing()
    main = importlib.import_module(f"benchmarks.{module}").main
    assert not inspect.signature(main).parameters


def test_no_name_lists_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Called without a name, the runner prints the listing and runs nothing."""
    runner.main([])
    assert capsys.readouterr().out == runner.listing() + "\n"


def test_an_unknown_name_is_told_the_known_ones() -> None:
    """A wrong name gets one sentence with all right ones."""
    with pytest.raises(SystemExit, match=r"no benchmark 'contrl'.* control, "):
        runner.main(["contrl"])
