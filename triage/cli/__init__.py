"""The administrator's door: one file per noun.

Promises: data on stdout, words on stderr, exit codes that say what to do, help in well under half a second.
Nothing heavier than click is imported before a command really runs; TensorFlow never is.
"""
