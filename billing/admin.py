"""The billing clerk's pages."""

from billing import workspace as pages

__all__ = ["pages"]
