"""The parts of a take beside its sound: its noise with the seeds, and the record of how it was made."""
