"""The command line against a real database."""
