"""The records officer's first page: who waits for an invitation, and how the imports went."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from doctors.models import CareRelationship
from patients.models import Invitation, Patient
from records.models import ImportJob
from records.workspace.imports import job_words

JOBS_SHOWN = 5


@workspace.page(
    "register/",
    name="register_today",
    roles=[Role.RECORDS_OFFICER],
    menu=MenuEntry(_("Today"), "today", 10),
    is_home=True,
)
class RegisterToday(WorkspacePage):
    """What waits for the records officer, as counts that lead to the lists behind them."""

    title = _("Today")
    template_name = "records/register_today.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        invited = Invitation.objects.open(now).values("patient")
        without_account = Patient.objects.filter(user=None)
        jobs = ImportJob.objects.defer("file").select_related("by")
        return self.render_to_response(
            self.get_context_data(
                patients=Patient.objects.count(),
                invited=without_account.filter(pk__in=invited).count(),
                not_invited=without_account.exclude(pk__in=invited).count(),
                untreated=Patient.objects.exclude(
                    pk__in=CareRelationship.objects.active(now).values("patient")
                ).count(),
                jobs=[job_words(job, at=now) for job in jobs[:JOBS_SHOWN]],
                refused=jobs.filter(rejected__gt=0, state=ImportJob.State.FINISHED).count(),
                stopped=jobs.filter(state=ImportJob.State.FAILED).count(),
            )
        )
