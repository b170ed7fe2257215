"""A spine phantom without voxels: a table of convex shapes, rays through them, a detector and a display chain.

Each radiograph is a function of its seed. Coordinates are millimetres: x to the patient's left, y to the back, z up.
Shapes and cues come from textbook descriptions, never from patient data. Not for clinical use.
"""
