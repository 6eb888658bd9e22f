"""The patient's pages: home, “My record”, each record, its proof, and “Who looked”."""

from records.views.home import Home
from records.views.opening import OpeningDetail, Openings
from records.views.proof import DownloadProof, Proof
from records.views.record import DownloadAttachment, DownloadRecord, RecordDetail, VersionDetail
from records.views.timeline import Timeline

__all__ = [
    "DownloadAttachment",
    "DownloadProof",
    "DownloadRecord",
    "Home",
    "OpeningDetail",
    "Openings",
    "Proof",
    "RecordDetail",
    "Timeline",
    "VersionDetail",
]
