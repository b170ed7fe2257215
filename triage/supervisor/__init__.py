"""One foreground process tree: the services, then every process of the product, stopped in order.

Promises: what dies is started again with back-off; a stop drains from the wire inwards, the database last;
nothing outlives the supervisor, not even when it is killed. Refuses a second supervisor on one TRIAGE_HOME.
"""
