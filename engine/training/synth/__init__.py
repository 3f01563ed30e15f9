"""A generator of labelled loops: seed -> recipe -> score -> stems -> mix, circular by construction."""
