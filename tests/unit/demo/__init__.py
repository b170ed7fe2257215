"""Tests of the demonstration's rules."""
