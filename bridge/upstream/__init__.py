"""The way to the engine: one client's state, its socket, and why that is silent."""
