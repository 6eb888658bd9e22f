"""The keys that records are encrypted under."""

import uuid
from functools import cached_property

from django.db import models

from patients.models import Patient
from records import encryption


class DataKeyManager(models.Manager["DataKey"]):
    def for_patient(self, patient: Patient | None) -> "DataKey":
        """Return the patient's key, made when first asked; None stands for the hospital's directory."""
        key = self.filter(patient=patient).first()
        if key is None:
            made = DataKey(id=uuid.uuid4(), patient=patient)
            made.wrapped = encryption.new_wrapped_key(bound_to=made.binding)
            # Two imports may meet here: the constraint lets one through, and both use that one.
            self.bulk_create([made], ignore_conflicts=True)
            key = self.get(patient=patient)
        return key


class DataKey(models.Model):
    """
    A 32-byte key, wrapped by a key-encryption key: one per patient, and one for the directory.

    The directory holds what belongs to nobody in particular: practitioners, organisations, locations.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, null=True, related_name="data_key")
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = DataKeyManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_directory_key",
                fields=["patient"],
                condition=models.Q(patient=None),
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"Data key {self.id}"

    @property
    def binding(self) -> str:
        return f"data-key:{self.id}"

    @cached_property
    def unwrapped(self) -> bytes:
        """
        The key itself.

        :raises CannotDecrypt: if it was tampered with, or no configured key-encryption key opens it
        """
        return encryption.unwrap_key(self.wrapped, bound_to=self.binding)

    def rewrap(self) -> bool:
        """Wrap the same key by the first key-encryption key; say whether there was anything to do."""
        first, *_older = encryption.key_encryption_keys()
        try:
            encryption.unseal(first, self.wrapped, bound_to=self.binding)
        except encryption.CannotDecrypt:
            self.wrapped = encryption.seal(first, self.unwrapped, bound_to=self.binding)
            self.save(update_fields=["wrapped"])
            return True
        return False
