"""One network family per module; each is written with Keras 3 layers only, so that any backend can run it."""
