"""The door's own door: who asks, whether they may, and the pages where people say who they are.

Promises that no route behind `admitted` runs for somebody who may not use it, that a locked page shows no
patient, and that a place on the page survives lock and sign-in. Refuses an unknown form outright.
"""
