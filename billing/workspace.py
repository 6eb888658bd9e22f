"""The billing clerk's first page. Invoices are not part of the portal yet, and the page says so."""

from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace


@workspace.page(
    "billing/",
    name="billing_today",
    roles=[Role.BILLING],
    menu=MenuEntry(_("Today"), "today", 10),
    is_home=True,
)
class BillingToday(WorkspacePage):
    """What the clerk will find here, and that there is nothing yet. No patient appears on it."""

    title = _("Today")
    template_name = "billing/billing_today.html"
