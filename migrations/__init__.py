"""Alembic migrations: small, numbered, safe while the old version runs (expand, deploy, contract)."""
