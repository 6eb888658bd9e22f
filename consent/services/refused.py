"""What becomes of keys that `ConsentRegistry` did not take."""

from datetime import datetime

from django.db import transaction
from eth_utils import keccak

from audit import services as audit
from consent.models import Recovery, Relay, Signer
from patients import notices
from patients.models import Notice, Patient


@transaction.atomic
def end_refused_keys(relay: Relay, cause: str, *, at: datetime) -> None:
    """
    Let keys count no more whose enrolment, addition or proposal the contract refused.

    Nothing that they sign would be taken there either. The patient can make new ones, as if it had not been.
    """
    signers = relay.new_signers
    if not signers:
        return
    patient = Patient.objects.select_for_update().get(pk=relay.patient_id)
    kept = Signer.objects.filter(
        pseudonym__patient=patient, hash__in=[keccak(signer) for signer in signers], on_chain_at=None
    )
    kept.filter(removed_at=None).update(removed_at=at)
    if relay.recovery_id is not None:
        Recovery.objects.open().filter(pk=relay.recovery_id).update(withdrawn_at=at)
        notices.notify(patient.pk, Notice.Kind.RECOVERY, at)
    audit.record(
        "consent.key_refused",
        at=at,
        by=None,
        patient_id=patient.pk,
        cause=cause,
        signers=[signer.pk for signer in kept],
    )
