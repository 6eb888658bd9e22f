"""Institutions, clinicians, and whom they treat; the shell of the staff workspace."""
