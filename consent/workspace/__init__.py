"""Pages of the staff workspace about who may see a patient."""

from consent.workspace import care

__all__ = ["care"]
