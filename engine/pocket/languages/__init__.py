"""What producers type, in six languages, and which words of the vocabulary it means."""
