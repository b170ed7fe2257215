"""The supervisor with real processes and signals."""
