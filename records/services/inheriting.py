"""
How sensitive a record is: by all its versions, and by what it is about.

A record keeps every category that any of its versions ever had, since any of them can still be opened.
And it is at least as sensitive as each record that it refers to for what it is about
(`records.fhir.sensitivity.inherits`), over any number of steps and whichever of them arrived first.
Only reading everything anew (`classifying`) can take a category away.
"""

from collections.abc import Iterable
from uuid import UUID

from consent.categories import Sensitivity, sensitivity_token
from records.models import Record, RecordReference

# In whose name a clinic is sensitive, which is nobody's record.
_NOBODY = UUID(int=0)

Tokens = list[bytes]


def tokens_of(patient_id: UUID | None, names: Iterable[str]) -> Tokens:
    """The sensitivities as a record of this patient, or of the directory, stores them."""
    return sorted(sensitivity_token(patient_id or _NOBODY, name) for name in names)


def names_of(record: Record) -> frozenset[str] | None:
    """What a record's sensitivities stand for, or None if it isn't classified yet."""
    if record.sensitivities is None:
        return None
    held = {bytes(token) for token in record.sensitivities}
    names = {name.value: sensitivity_token(record.patient_id or _NOBODY, name) for name in Sensitivity}
    return frozenset(name for name, token in names.items() if token in held)


def joined(
    some: Iterable[bytes | memoryview] | None, others: Iterable[bytes | memoryview] | None
) -> Tokens | None:
    """Both together; not known if either is not."""
    if some is None or others is None:
        return None
    return sorted({bytes(token) for token in [*some, *others]})


def pass_on(records: Iterable[Record]) -> None:
    """
    Make whatever is about these records at least as sensitive as they are, and what is about that, and so on.

    What is about a record that isn't classified yet counts as not classified itself, and is withheld with
    it. Whoever calls holds the turn of their source (`storing.take_turn`), and has written their own
    sensitivities.
    """
    changed = {record.pk: record for record in records if _can_be_inherited(record)}
    while changed:
        heirs: dict[UUID, Record] = {}
        grown: dict[UUID, Record] = {}
        links = RecordReference.objects.filter(target__in=changed, inherits=True).select_related("record")
        for link in links:
            if link.target_id is None or link.target_id == link.record_id:
                continue
            heir = heirs.setdefault(link.record_id, link.record)
            after = joined(heir.sensitivities, _as_for(heir, changed[link.target_id]))
            if after != joined(heir.sensitivities, []):
                heir.sensitivities = after
                grown[heir.pk] = heir
        Record.objects.bulk_update(grown.values(), ["sensitivities"], batch_size=500)
        changed = {pk: heir for pk, heir in grown.items() if _can_be_inherited(heir)}


def _can_be_inherited(record: Record) -> bool:
    # Everything is about its patient. What is said of the person stays with the Patient resource.
    return record.sensitivities != [] and record.resource_type != "Patient"


def _as_for(heir: Record, target: Record) -> Iterable[bytes | memoryview] | None:
    if heir.patient_id == target.patient_id:
        return target.sensitivities
    names = names_of(target)
    return None if names is None else tokens_of(heir.patient_id, names)
