"""Hop 11: our results go to the PACS, each once per UID, for as long as it takes."""
