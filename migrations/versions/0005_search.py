"""Indexes for searching every study by the beginning of a name, a patient id or an accession number."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {
    "study_name_search_idx": "lower(replace(patient_name, '^', ' ')) text_pattern_ops",
    "study_patient_id_search_idx": "lower(patient_id) text_pattern_ops",
    "study_accession_search_idx": "lower(accession_number) text_pattern_ops",
}


def upgrade() -> None:
    """Make the indexes."""
    for name, expression in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON study ({expression})")


def downgrade() -> None:
    """Remove them."""
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
