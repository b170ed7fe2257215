"""The demonstration: phantom studies sent to ourselves by C-STORE, and what became of them.

Promises that nothing here is a short cut: images go over a socket, results arrive at a real Storage SCP.
"""
