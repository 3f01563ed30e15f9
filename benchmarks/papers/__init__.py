"""Comparisons with what DITTO and DITTO-2 published, and with choices that they made."""
