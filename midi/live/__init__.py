"""Live sets: their elements, tracks, clips and automation lanes."""
