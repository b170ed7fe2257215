"""From received images to running analyses: closing, ringing, recovering.

Postgres decides; Redis is a doorbell whose loss costs latency and nothing else.
"""
