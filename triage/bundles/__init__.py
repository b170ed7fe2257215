"""Model bundles as files: shipped ones with their pins, imported ones in TRIAGE_HOME/models.

Promise: whatever is kept is byte for byte what was imported, under one SHA-256 manifest. Nothing here parses an
array or a network: that happens in a process of its own, which this one only starts.
"""
