"""Methods that others published, one file each, and the toys that some of them are measured on."""
