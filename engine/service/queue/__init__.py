"""The queue of requests: who is next, the messages about it, and the journal that survives a crash."""
