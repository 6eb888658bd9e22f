"""The FHIR store."""

from consent.categories import Kind
from records.models.imports import ImportFault, ImportJob
from records.models.keys import DataKey
from records.models.record import Record, RecordReference, RecordVersion, SearchToken

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
