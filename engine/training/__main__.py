"""`python -m engine.training`: all of `pocket`'s training as one command."""

from .plan import main

main()
