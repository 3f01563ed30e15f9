"""From band powers to a waveform: phases, the vocoder, quiet before hits, and the limiter."""
