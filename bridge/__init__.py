"""Between Live and the engine: OSC, sessions, takes on disk, the command line. Loads no torch."""
