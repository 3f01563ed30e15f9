"""What a loop in layers adds to `pocket`: its scenes, the full mix in their place, and how layers sound together."""
