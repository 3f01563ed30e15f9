"""Takes on disk: written, found, searched and tidied."""
