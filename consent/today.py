"""The privacy officer's first page: what was opened lately, and what does not hold."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from audit.models import Event, Ground
from chain.models import Mismatch

DAYS = 7

# The grounds as staff say them; `Ground` has the patient's words.
GROUNDS = {
    Ground.OWN_RECORD.value: _("The patient’s own record"),
    Ground.TREATMENT.value: _("Treats the patient"),
    Ground.STAFF_DUTY.value: _("A duty of the hospital’s staff"),
}


@workspace.page(
    "privacy/",
    name="privacy_today",
    roles=[Role.PRIVACY_OFFICER],
    menu=MenuEntry(_("Today"), "today", 10),
    is_home=True,
)
class PrivacyToday(WorkspacePage):
    """Openings of the last days by ground, and every verification that does not hold."""

    title = _("Today")
    template_name = "consent/privacy_today.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        today = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
        openings = Event.objects.openings()
        lately = openings.filter(at__gte=today - timedelta(days=DAYS - 1))
        by_ground = lately.order_by().values_list("ground").annotate(count=Count("pk"))
        return self.render_to_response(
            self.get_context_data(
                days=DAYS,
                openings_today=openings.filter(at__gte=today).count(),
                grounds=[
                    {"ground": ground, "label": GROUNDS[ground], "count": count}
                    for ground, count in sorted(by_ground, key=lambda one: -one[1])
                    if ground in GROUNDS
                ],
                mismatches=Mismatch.objects.open().order_by("-found_at", "-pk")[:10],
                mismatch_count=Mismatch.objects.open().count(),
            )
        )
