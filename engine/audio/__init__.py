"""Sound as values and files: resampling, WAV, and the finish of a loop. Loads no torch but in the finish."""
