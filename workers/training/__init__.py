"""Phantoms, training, evaluation and packaging: how the shipped bundles came to be, as code that makes them again.

Everything it makes is synthetic. Not for clinical use.
"""
