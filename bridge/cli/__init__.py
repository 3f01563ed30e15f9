"""The command line, the outermost layer: it may import everything, once a command is chosen."""
