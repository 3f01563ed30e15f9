"""Automation as exact breakpoints: read from text, thinned, recorded, bent."""
