"""Rhythms: strokes with what they are played on, and how early or late and how strong each step is played."""
