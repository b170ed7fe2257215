"""Phantoms, training, evaluation and packaging: how the shipped bundles came to be, as code that makes them again.

The shipped bundles are of phantoms alone; course/ trains on a site's images too. Not for clinical use.
"""
