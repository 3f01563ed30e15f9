"""The engine: from a request to a seamless loop, by optimising the initial noise of a frozen model.

Start reading at `engine.pipeline`. Importing this package costs nothing.
"""
