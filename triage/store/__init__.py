"""Every SQL statement of the product. One function = one transaction = one verb; frozen values out.

SQLAlchemy lives here and nowhere else. Postgres is the truth: the queue of record, the worklist, the
outbox. All times are the database's own clock.
"""
