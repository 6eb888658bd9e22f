"""“Shared with me”: the patients who allowed this doctor to read something, and what ended lately."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from audit.models import Ground
from consent.models import Grant, GranteeKind
from consent.models.grants import ONE_OCCASION
from consent.rules import grants_held_by
from consent.workspace.words import GrantForStaff, grants_for_staff
from patients.listing import Listing, record_listed
from patients.models import Patient
from patients.numbers import number_of
from records.models import RecordVersion

A_PAGE = 25
LATELY = timedelta(days=30)
ENDED_SHOWN = 25


@workspace.page(
    "shared/",
    name="shared_with_me",
    roles=[Role.DOCTOR],
    menu=MenuEntry(_("Shared with me"), "folder_shared", 15),
)
class SharedWithMe(WorkspacePage):
    """
    What patients allowed this doctor, in person, by department or by hospital.

    Counts are of what may be read now. What has ended is named without a way to it.
    """

    title = _("Shared with me")
    template_name = "records/shared_with_me.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        held = grants_held_by(request.user, at=now)
        # By patient and not by grant: three grants of one patient are one line.
        patients = Patient.objects.filter(pk__in=held.values("patient")).prefetch_related("identifiers")
        page = Paginator(patients.order_by("-created_at", "pk"), A_PAGE).get_page(request.GET.get("page"))
        shown = [*page.object_list]
        ended = self._ended(now)
        self._note_shown({patient.pk for patient in shown}, Ground.GRANT, now)
        # What has ended is no ground any more.
        over = {grant.patient_id for grant in ended} - {patient.pk for patient in shown}
        self._note_shown(over, Ground.STAFF_DUTY, now)
        grants = self._lines(held.filter(patient__in=shown).order_by("-expires_at", "pk"))
        counts = dict(
            RecordVersion.objects.visible_to(request.user, at=now)
            .latest()
            .filter(record__patient__in=shown)
            .order_by()
            .values_list("record__patient")
            .annotate(Count("pk"))
        )
        return self.render_to_response(
            self.get_context_data(
                page=page,
                rows=[
                    {
                        "patient": patient,
                        "number": number_of(patient),
                        "grants": [one for one in grants if one.grant.patient_id == patient.pk],
                        "record_count": counts.get(patient.pk, 0),
                    }
                    for patient in shown
                ],
                ended=[
                    {"patient": one.grant.patient, "number": number_of(one.grant.patient), "grant": one}
                    for one in grants_for_staff(ended)
                ],
                ended_days=LATELY.days,
            )
        )

    def _note_shown(self, patients: Iterable[UUID], ground: Ground, now: datetime) -> None:
        record_listed(
            patients,
            listing=Listing.SHARED,
            by=self.request.user,
            at=now,
            ground=ground,
            address=address_of(self.request),
        )

    def _lines(self, grants: Any) -> Sequence[GrantForStaff]:
        return grants_for_staff(grants.defer("sealed_document", "sealed_secret"))

    def _ended(self, now: Any) -> list[Grant]:
        """The grants to this doctor that ended in the last days, the latest first."""
        lately = now - LATELY
        ended = Grant.objects.ended(now).held_by(self.request.user).exclude(grantee_kind=GranteeKind.PROXY)
        return [
            *ended.filter(
                Q(revoked_at__gt=lately)
                | Q(revoked_at=None, is_once=True, used_at__gt=lately - ONE_OCCASION)
                | Q(revoked_at=None, expires_at__gt=lately, expires_at__lte=now)
            )
            .select_related("patient")
            .prefetch_related("patient__identifiers")
            .defer("sealed_document", "sealed_secret")
            .order_by("-expires_at", "pk")[:ENDED_SHOWN]
        ]
