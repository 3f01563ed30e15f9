"""The search for a noise from which the frozen model makes the loop that was asked for (DITTO, DITTO-2, guidance)."""
