"""The privacy officer's first page: what waits, what does not hold, and what was opened lately."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from audit.models import Event, Review
from chain.models import Mismatch
from consent.reviews import open_counts, rows_of
from consent.trail import GROUNDS

DAYS = 7

# Of the queue; the rest is a link away.
WAITING_SHOWN = 5


@workspace.page(
    "privacy/",
    name="privacy_today",
    roles=[Role.PRIVACY_OFFICER],
    menu=MenuEntry(_("Today"), "today", 10),
    is_home=True,
)
class PrivacyToday(WorkspacePage):
    """What waits for a finding, what does not hold, and the openings of the last days by ground."""

    title = _("Today")
    template_name = "consent/privacy_today.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        today = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
        openings = Event.objects.openings()
        lately = openings.filter(at__gte=today - timedelta(days=DAYS - 1))
        by_ground = lately.order_by().values_list("ground").annotate(count=Count("pk"))
        now = timezone.now()
        return self.render_to_response(
            self.get_context_data(
                counts=open_counts(),
                waiting=rows_of(Review.objects.open().queue()[:WAITING_SHOWN], at=now),
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
