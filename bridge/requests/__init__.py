"""From settings, as a producer types or sends them, to one valid request."""
