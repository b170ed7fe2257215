"""Evaluation: from a table of predictions to figures with intervals, a report, a calibration and a threshold.

Promise: everything but running a bundle works on a CSV alone, imports no TensorFlow, and is repeatable from
its seed. A case that the network declined stays in the table and is counted as declined, never as a negative.
"""
