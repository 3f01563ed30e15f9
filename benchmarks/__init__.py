"""What is measured of Ditto Live, and how: `python -m benchmarks` lists it."""

import engine  # noqa: F401  # before torch: it says how idle threads wait
