"""The groove of a performance: how early or late, and how strong, each step is played."""
