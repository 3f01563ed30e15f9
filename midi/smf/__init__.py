"""Standard MIDI Files, read leniently and written strictly."""
