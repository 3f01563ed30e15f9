"""Audio arrays and files: resampling, WAV, and finishing a loop. Only `finish` imports torch."""
