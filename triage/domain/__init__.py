"""The words and the rules: values and pure functions only, standard library only."""
