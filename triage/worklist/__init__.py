"""Hop 12: the acts of people on the reading worklist, and the live feed of its changes."""
