"""Noise and record of a take: where a request starts, how noise is stored, and how the loop was made."""
