"""Musical time, notes, curves and Live sets; knows of neither engine nor bridge."""
