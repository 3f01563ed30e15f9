"""Chords: written as text, and read from a clip."""
