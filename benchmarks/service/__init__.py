"""The bridge, the engine and the queue under load, faults and hostile input; all at toy size."""
