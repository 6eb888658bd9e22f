"""Pages of the staff workspace about who may see a patient."""

from consent.workspace import asking, care, emergency, finding

__all__ = ["asking", "care", "emergency", "finding"]
