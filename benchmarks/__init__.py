"""The project's benchmarks; what they measured stands in `README.md`."""

import engine  # noqa: F401  # before torch: it says how idle threads wait
