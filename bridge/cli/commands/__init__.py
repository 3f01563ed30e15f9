"""One file for each command of `ditto-live`, loaded when it is chosen."""
