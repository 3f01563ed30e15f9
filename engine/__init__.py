"""The engine: from a request to a seamless loop, by optimising the initial noise of a frozen model.

Start reading at `engine.pipeline`. Importing this package costs nothing.
"""

import os

# Before anything loads OpenMP: idle threads spin for some 20 microseconds and then sleep. Spinning for long, as is
# usual, they wait for each other's cores beside a busy program, as Live is: a step took twenty times as long. Sleeping
# at once, they wake too late for the many small products of a network: a step took twice as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # GNU's
os.environ.setdefault("KMP_BLOCKTIME", "1")  # Intel's and LLVM's, milliseconds
