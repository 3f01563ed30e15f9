"""Transcription of a loop without its request: pitches, chroma, chords and hits. No search optimises any of it."""
