"""What a take keeps beside its sound: its noise with the seeds, and the record of how it was made."""
