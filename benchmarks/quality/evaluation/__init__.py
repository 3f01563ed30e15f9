"""Measures of a text-to-loop model, each with a test that it tells good from bad (tests/benchmarks)."""
