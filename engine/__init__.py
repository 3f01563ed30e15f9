"""The engine: from a request to a seamless loop, by optimising the initial noise of a frozen model.

Start reading at `engine.pipeline`. Importing this package costs nothing.
"""

import os

# Before anything loads OpenMP: idle threads sleep instead of spinning. Beside a busy program, as Live is, spinning
# threads wait for each other's cores, and a step took twenty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
