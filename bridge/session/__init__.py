"""The bridge's record of its OSC clients and their requests, without I/O."""
