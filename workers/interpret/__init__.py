"""Interpret: from arrays to findings, as pure functions of values.

Promise: the same arrays give the same findings; every abstention carries a code and a sentence; nothing
here says positive, negative or all clear.
"""
