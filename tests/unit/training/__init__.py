"""Tests of phantoms, training and packaging."""
