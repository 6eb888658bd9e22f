"""The FHIR store."""

from records.models.imports import ImportFault, ImportJob
from records.models.keys import DataKey
from records.models.record import Kind, Record, RecordReference, RecordVersion, SearchToken

__all__ = [
    "DataKey",
    "ImportFault",
    "ImportJob",
    "Kind",
    "Record",
    "RecordReference",
    "RecordVersion",
    "SearchToken",
]
