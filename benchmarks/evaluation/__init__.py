"""Measures of a text-to-loop model, each with a test that it tells good from bad (tests/benchmarks)."""

import engine  # noqa: F401  # before torch: it says how idle threads wait
