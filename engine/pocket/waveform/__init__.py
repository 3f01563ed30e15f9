"""From band powers to a waveform: its length, phases, the vocoder, quiet before hits, and the limiter."""
