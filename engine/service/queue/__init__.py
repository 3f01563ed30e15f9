"""The queue of requests: who is next, who hears of it, and the journal that survives a crash."""
