"""`python -m engine.training`: all of `pocket`'s training as one command."""

from .course import main

main()
