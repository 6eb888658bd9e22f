"""What a patient can share: the kinds of records, and the sensitive categories that a grant must name."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from patients.blind_index import blind_index


class Kind(models.TextChoices):
    """What a record is to the people who read it; the tabs of “My record”, and what a grant covers."""

    RESULT = "result", _("Results")
    MEDICINE = "medicine", _("Medicines")
    ALLERGY = "allergy", _("Allergies")
    CONDITION = "condition", _("Conditions")
    IMMUNISATION = "immunisation", _("Vaccinations")
    PROCEDURE = "procedure", _("Procedures")
    VISIT = "visit", _("Visits")
    DOCUMENT = "document", _("Letters and documents")
    OTHER = "other", _("Everything else")
    DIRECTORY = "directory", _("People and places")


# What belongs to a patient; the directory is about nobody in particular.
OF_PATIENTS = tuple(kind for kind in Kind if kind is not Kind.DIRECTORY)
# What a summary holds: the sections of the International Patient Summary without its results.
SUMMARY = (Kind.MEDICINE, Kind.ALLERGY, Kind.CONDITION, Kind.IMMUNISATION, Kind.PROCEDURE)


class Sensitivity(models.TextChoices):
    """What is withheld item by item unless a grant names it (docs/formats/sensitive-categories.md)."""

    MENTAL_HEALTH = "mental_health", _("Mental health")
    SEXUAL_HEALTH = "sexual_health", _("Sexual health")
    HIV = "hiv", _("HIV")
    SUBSTANCE_USE = "substance_use", _("Alcohol and drugs")
    GENETICS = "genetics", _("Genetics")
    RESTRICTED = "restricted", _("Anything else marked as restricted")


def sensitivity_token(patient_id: uuid.UUID, sensitivity: str) -> bytes:
    """
    The 16 bytes that stand for a sensitivity in the database.

    Keyed for each patient, so that whoever reads the database sees that something of this patient's is
    sensitive, and neither why nor who else has the same.
    """
    return blind_index("sensitivity", f"{patient_id}|{sensitivity}")
