"""Optimisation of the initial noise x_T of a frozen model through its sampling chain (DITTO, DITTO-2), and guidance."""
