"""Tests of the command line without services."""
