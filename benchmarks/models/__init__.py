"""Other people's models."""
