"""Pages of the staff workspace about records: the doctor's worklist and chart, the officer's imports."""

from records.workspace import chart, imports, record, shared, today, worklist, writing

__all__ = ["chart", "imports", "record", "shared", "today", "worklist", "writing"]
