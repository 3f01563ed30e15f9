"""What is heard in a loop that nobody told: pitches, pitch classes, chords, hits. No search optimises any of it."""
