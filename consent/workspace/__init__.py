"""Pages of the staff workspace about who may see a patient."""

from consent.workspace import asking, care, emergency, finding, paper, recovery

__all__ = ["asking", "care", "emergency", "finding", "paper", "recovery"]
