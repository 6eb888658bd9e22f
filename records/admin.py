"""Records have no lists in Django's sense: what people work with are the pages of `records.workspace`."""

from records import workspace as pages

__all__ = ["pages"]
