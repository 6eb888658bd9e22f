"""Record versions in a few words, for those who look after the log and not after the patient."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from records.models import RecordVersion


def say_versions(version_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """
    Say of each version which kind of record it is, of which day, and its number. Nothing that it says.

    One query, however many there are; the log names them, whoever may read them.
    """
    versions = RecordVersion.objects.filter(pk__in=version_ids).select_related("record")
    return {version.pk: _words(version) for version in versions.only("number", "record")}


def _words(version: RecordVersion) -> str:
    record = version.record
    day = date_format(record.occurred_date, "j F Y") if record.occurred_date else _("no date")
    return _("%(kind)s, %(day)s, version %(number)s") % {
        "kind": record.get_kind_display(),
        "day": day,
        "number": version.number,
    }
