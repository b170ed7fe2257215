"""Spine triage worklist: receives, catalogues, dispatches, delivers and orders. Not for clinical use."""

__version__ = "0.1.0"
