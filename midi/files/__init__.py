"""Files and names as the world writes them: opening, text encodings, names, `FILE#PART`."""
