"""`python -m engine.service OPTIONS`: an engine as a process of its own, its options as JSON."""

import sys

import msgspec

from ..errors import DittoError
from .options import EngineOptions
from .run import run_engine


def main(arguments: list[str]) -> int:
    """Run an engine and return the exit code."""
    options = msgspec.json.decode(arguments[0], type=EngineOptions)
    try:
        run_engine(options, lambda address: print(f'{{"address": "{address}"}}', flush=True))  # noqa: T201  the parent reads it
    except DittoError as error:
        print(msgspec.json.encode({"sentence": error.sentence, "remedy": error.remedy}).decode(), flush=True)  # noqa: T201  idem
        sys.stderr.write(f"{error.sentence}\n{error.remedy}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
