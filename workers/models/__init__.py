"""Networks, their bundles and the arithmetic around them: everything a worker needs between pixels and probabilities.

Promise: nothing here opens DICOM, a database or a socket. Keras is imported only by a bundle that builds its network.
"""
