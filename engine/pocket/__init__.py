"""`pocket`: the embedded loop model, its words and its weights."""
