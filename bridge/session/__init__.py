"""What the bridge knows of its OSC clients and their requests, without I/O."""
