"""Tests of the embedded services: places and programs."""
