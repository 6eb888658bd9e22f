"""The proof of one version: what it proves and what not, and the file to take away."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from chain.proof import write_proof
from records.models import RecordVersion
from records.parts import Part, parts_of
from records.services.opening import Opened
from records.services.proving import WHOLE_RECORD, ProofNotReady, RecordChanged, prove_version
from records.views.page import address_of
from records.views.record import RecordPage, as_download, file_name, not_intact


class Proof(RecordPage):
    """What the mark of proof means for this version, in three sentences; behind it, the details."""

    def get(self, request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
        return self.explain(self.opened(self.version(pk, number)))

    def explain(self, opened: Opened, *, error: str = "", status: int = 200) -> HttpResponse:
        context: dict[str, Any] = self.get_context_data(
            opened=opened,
            record=opened.record,
            version=opened.version,
            anchoring=opened.anchoring,
            presented=opened.presented,
            is_latest=opened.version.number == opened.record.latest_version,
            parts=parts_of(opened.resource) if opened.is_trusted else [],
            ticked=self.request.GET.getlist("element"),
            parts_error=error,
            has_errors=bool(error),
        )
        return render(self.request, "records/proof.html", context, status=status)


class DownloadProof(Proof):
    """
    The proof as a file: of the whole record, or of the ticked parts alone.

    `only` stands in the form of the parts. With it an empty choice is an error and never means
    everything: a slip must not give the whole record away.
    """

    def get(self, request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
        version = self.version(pk, number)
        asked = request.GET.getlist("element")
        only_parts = bool(asked) or "only" in request.GET
        if only_parts:
            opened = self.opened(version)
            if not opened.is_trusted:
                return not_intact(request, opened)
            if error := _fault_in(asked, parts_of(opened.resource)):
                return self.explain(opened, error=error, status=400)
        return self.hand_out(version, asked if only_parts else WHOLE_RECORD)

    def hand_out(self, version: RecordVersion, pointers: Sequence[str]) -> HttpResponse:
        try:
            proof = prove_version(
                version,
                pointers=pointers,
                by=self.request.user,
                at=self.now,
                address=address_of(self.request),
            )
        except ProofNotReady:
            return self.explain(self.opened(version), status=409)
        except RecordChanged:
            return not_intact(self.request, self.opened(version))
        response = HttpResponse(write_proof(proof), content_type="application/json")
        return as_download(response, file_name(version, "json", prefix="proof-"))


def _fault_in(asked: Sequence[str], parts: Sequence[Part]) -> str:
    if not asked:
        return _("Tick at least one part to prove.")
    if set(asked) - {part.pointer for part in parts}:
        return _("One of those parts is not in this version of the record. Tick the parts again.")
    return ""
