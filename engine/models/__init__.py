"""Text-to-music models behind one protocol: ours, and other people's through diffusers. Importing costs nothing."""
