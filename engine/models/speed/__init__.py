"""How a model is loaded and run without waiting for what it does not need. Importing costs nothing."""
