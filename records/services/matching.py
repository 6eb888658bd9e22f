"""Whose record is this? Deciding it for each resource of an import, and never by guessing."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from patients.models import Patient, PatientIdentifier, Sex
from patients.registration import Identifier, IdentifierTaken, add_identifier, patients_with, register_patient
from records.fhir.references import Scope, patient_links, resolve
from records.models import Record

# What belongs to nobody in particular. Everything else is somebody's record.
DIRECTORY_TYPES = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "Location", "HealthcareService", "Endpoint"}
)


class NoPatient(Exception):
    """It can't be told whose record a resource belongs to; the message says what to do."""


class Matcher:
    """Finds the patient of each resource, within one source and one import."""

    def __init__(self, *, source: str, chosen: Patient | None, by: Any, at: datetime) -> None:
        self.source, self.chosen, self.by, self.at = source, chosen, by, at
        # None for those who have not come yet: asked once, until the next Patient comes.
        self._known: dict[str, Patient | None] = {}

    def patient_of(self, content: dict[str, Any], fhir_id: str, scope: Scope | None) -> Patient | None:
        """
        Return whose record a resource belongs to, or None for the directory.

        :raises NoPatient: if that can't be told
        """
        if content["resourceType"] == "Patient":
            return self._register(content, fhir_id)
        if content["resourceType"] in DIRECTORY_TYPES:
            return None
        references = _references_to_patients(content)
        for reference in references:
            identity = resolve(reference, scope=scope, lookup=self)
            if identity and identity[0] == "Patient" and (patient := self._find(identity[1])):
                return patient
        if self.chosen:
            return self.chosen
        if not references and scope and (patient := self._only_patient_in(scope)):
            return patient
        raise NoPatient(
            _("belongs to a patient who is not in this import: add the Patient, or import with --patient")
            if references
            else _("names no patient: import it in a Bundle with its Patient, or with --patient")
        )

    def update(self, patient: Patient | None, content: dict[str, Any]) -> None:
        """Take over what the source changed about a person it had sent before."""
        if patient:
            for name, value in demographics(content).items():
                setattr(patient, name, value)
            patient.refresh_tokens()
            patient.save()

    # The two questions that records.fhir.references.resolve asks the store.

    def has(self, resource_type: str, resource_id: str, /) -> bool:
        return resource_type == "Patient" and self._find(resource_id) is not None

    def by_identifier(self, resource_type: str, system: str | None, value: str, /) -> str | None:
        if resource_type != "Patient" or not system:
            return None
        token = PatientIdentifier.token_of(system, value)
        row = PatientIdentifier.objects.filter(token=token).select_related("patient").first()
        if row is None:
            return None
        # The matcher's own name for a patient found by number: nothing else uses this key.
        key = f"identifier {row.patient_id}"
        self._known[key] = row.patient
        return key

    def _find(self, fhir_id: str) -> Patient | None:
        if fhir_id not in self._known:
            record = (
                Record.objects.filter(source=self.source, resource_type="Patient", fhir_id=fhir_id)
                .select_related("patient")
                .first()
            )
            self._known[fhir_id] = record.patient if record else None
        return self._known[fhir_id]

    def _only_patient_in(self, scope: Scope) -> Patient | None:
        ids = [fhir_id for resource_type, fhir_id in scope.ids if resource_type == "Patient"]
        return self._find(ids[0]) if len(ids) == 1 else None

    def _register(self, content: dict[str, Any], fhir_id: str) -> Patient:
        identifiers = list(_identifiers(content))
        patient = self._find(fhir_id) or self.chosen
        try:
            if patient is None:
                patient = self._same_person(content, identifiers) or register_patient(
                    **demographics(content), identifiers=identifiers, by=self.by, at=self.at
                )
            else:
                for identifier in identifiers:
                    add_identifier(patient, identifier)
                patient.refresh_tokens()
                patient.save(update_fields=["tokens"])
        except IdentifierTaken:
            raise NoPatient(
                _("has a number of another patient: find out who this is, then import with --patient")
            ) from None
        self._known[fhir_id] = patient
        return patient

    def _same_person(self, content: dict[str, Any], identifiers: list[Identifier]) -> Patient | None:
        """It is one person when a number and the birth date agree; anything less, a person decides."""
        found = patients_with(identifiers)
        if not found:
            return None
        born = demographics(content)["birth_date"]
        same = [patient for patient in found if born and patient.birth_date == born]
        if len(found) != 1 or not same:
            raise NoPatient(
                _("has the number of a patient born on another day: decide, then import with --patient")
            )
        return same[0]


def _references_to_patients(content: dict[str, Any]) -> list[str]:
    """By which references a resource is somebody's record: R4's compartment, and an implant's patient."""
    found = [link.reference for link in patient_links(content) if not link.is_contained]
    # R4 leaves Device out of the compartment, and an implant is somebody's all the same.
    for element in ("patient", "subject"):
        if isinstance(node := content.get(element), dict) and isinstance(node.get("reference"), str):
            found.append(node["reference"])
    return found


def _identifiers(content: dict[str, Any]) -> Any:
    for one in content.get("identifier", []):
        if isinstance(one.get("value"), str) and isinstance(one.get("system"), str):
            label = one.get("type", {}).get("text") or ""
            yield Identifier(system=one["system"][:200], value=one["value"][:200], label=str(label)[:80])


def demographics(content: dict[str, Any]) -> dict[str, Any]:
    """Return what the portal shows of a person, from a FHIR Patient: the official name before others."""
    names = [name for name in content.get("name", []) if isinstance(name, dict)]
    ranked = sorted(
        names,
        key=lambda name: (
            ["official", "usual"].index(name["use"]) if name.get("use") in ("official", "usual") else 2
        ),
    )
    name = ranked[0] if ranked else {}
    given = " ".join(str(part) for part in name.get("given", []) if part)
    family = name.get("family") or ""
    if not family and not given:
        family = name.get("text") or ""
    born = content.get("birthDate")
    telecom = {one.get("system"): one.get("value") for one in reversed(content.get("telecom", []))}
    address: dict[str, Any] = next(iter(content.get("address", [])), {})
    lines = [*address.get("line", []), address.get("postalCode"), address.get("city"), address.get("country")]
    return {
        "family_name": str(family)[:200],
        "given_names": given[:200],
        "birth_date": date.fromisoformat(born) if isinstance(born, str) and len(born) == 10 else None,
        "sex": content["gender"] if content.get("gender") in Sex.values else Sex.UNKNOWN,
        "email": str(telecom.get("email") or "")[:254],
        "phone": str(telecom.get("phone") or "")[:60],
        "address": ", ".join(str(line) for line in lines if line)[:500],
    }
