"""Step 1: associations in, durable files and catalogue rows out."""
