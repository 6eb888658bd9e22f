"""Load the demo: example records, an account a role, and a letter for one patient."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ehrportal.demo import TREATS_NOBODY, Demo, NotLocal, load


class Command(BaseCommand):
    help = "Import example records, make accounts for every role, print how to sign in. Local settings only."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo = load(at=timezone.now())
        except NotLocal as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write("\n".join(lines_of(demo)))


def lines_of(demo: Demo) -> list[str]:
    """What a person needs who has just started the portal for the first time, or again."""
    url = settings.PORTAL_URL
    patient = [f"  {demo.patient.name}"]
    if demo.patient.code:
        patient += [
            f"  open {url}/invitation/ and enter the code {demo.patient.code}",
            f"  and the birth date {demo.patient.birth_date}; the browser then makes a passkey",
        ]
    else:
        patient += [f"  has an account: {url} and the passkey in your browser"]
    return [
        f"Records: {demo.report.imported} imported, {demo.report.unchanged} unchanged, "
        f"{demo.report.rejected} rejected",
        "",
        "The patient:",
        *patient,
        "",
        f"Staff sign in at {url}/workspace/ with",
        *(f"  {one.username:<12}  {one.password}  {one.role}, {one.name}" for one in demo.staff),
        f"  {TREATS_NOBODY} treats nobody: find the patient by family name and birth date"
        f" ({demo.patient.birth_date}),",
        "  then ask for access or break the glass.",
        "and a second factor: manage.py demo_code USERNAME prints the six digits of this minute.",
    ]
