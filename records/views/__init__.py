"""The patient's pages: home, “My record”, each record, its proof, and “Who looked”."""

from records.views.home import Home
from records.views.opening import (
    AskAboutOpening,
    DownloadLog,
    Listings,
    Notices,
    OpeningDetail,
    Openings,
    TellMe,
)
from records.views.proof import DownloadProof, Proof
from records.views.record import DownloadAttachment, DownloadRecord, RecordDetail, VersionDetail
from records.views.sharing import ShareRecords, ShareThis
from records.views.timeline import Timeline

__all__ = [
    "AskAboutOpening",
    "DownloadAttachment",
    "DownloadLog",
    "DownloadProof",
    "DownloadRecord",
    "Home",
    "Listings",
    "Notices",
    "OpeningDetail",
    "Openings",
    "Proof",
    "RecordDetail",
    "ShareRecords",
    "ShareThis",
    "TellMe",
    "Timeline",
    "VersionDetail",
]
