"""The engine: from a request to a seamless loop, by optimising the initial noise of a frozen model.

Start reading at `engine.pipeline`. Importing this package alone loads no other module: it only sets how OpenMP waits.
"""

import os

# Before anything loads OpenMP: idle threads spin for some ten microseconds and then sleep. Sleeping at once, they wake
# too late for the many small products of a network: a step takes 1.7 times as long. Spinning longer, as is usual, gains
# nothing, and beside another busy program they wait for each other's cores: a step took twenty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # GNU's, pauses of the processor
os.environ.setdefault("KMP_BLOCKTIME", "1")  # Intel's and LLVM's, milliseconds
