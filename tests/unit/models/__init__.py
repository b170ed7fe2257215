"""Tests of bundles and of the arithmetic around the networks."""
