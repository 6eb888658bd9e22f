"""Exchanging keys while the portal runs: data keys are wrapped anew, encrypted columns encrypted anew."""

from collections.abc import Iterator
from dataclasses import dataclass

import pgtrigger
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models, transaction
from django_cryptography.fields import EncryptedMixin

from audit import columns
from records.models import DataKey

BATCH = 500
# What an authenticator keeps encrypted within its JSON.
SECRETS_OF_AUTHENTICATORS = {"secret", "seed"}


@dataclass
class Rotation:
    """How much was moved to the first of the keys, and how much was there already."""

    data_keys: int = 0
    columns: int = 0
    unchanged: int = 0


def rotate() -> Rotation:
    """
    Move everything to the first of the configured keys. What an interrupted run did is left as it is.

    Start it with the new key put before the old one, and take the old one away when it has ended.

    :raises CannotDecrypt, ColumnDamaged: at a row that none of the configured keys opens
    """
    rotation = Rotation()
    _rewrap(rotation)
    # Many tables refuse changes; what their rows say, and so what their leaves commit to, stays the same.
    with pgtrigger.ignore():
        for model, column in encrypted_columns():
            _rotate_column(model, column, rotation)
    _rotate_second_factors(rotation)
    return rotation


def _rewrap(rotation: Rotation) -> None:
    for key_id in DataKey.objects.values_list("pk", flat=True):
        with transaction.atomic():
            if DataKey.objects.select_for_update().get(pk=key_id).rewrap():
                rotation.data_keys += 1
            else:
                rotation.unchanged += 1


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    """
    Find every column that `audit.columns` encrypts: the encrypted fields, and what a model seals by itself,
    whose name says so (`sealed_document`). Found and not listed, so that a new one can't be forgotten.
    """
    for model in apps.get_models():
        for field in model._meta.local_fields:
            is_sealed = isinstance(field, models.BinaryField) and field.name.startswith("sealed_")
            if field.column and (is_sealed or isinstance(field, EncryptedMixin)):
                yield model, field.column


def _rotate_column(model: type[models.Model], column: str, rotation: Rotation) -> None:
    """Go through a table by key, a batch a transaction; rows that come in meanwhile have the first key."""
    quote = connection.ops.quote_name
    table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
    # Names come from our own models.
    select = (
        f"SELECT {key}, {quote(column)} FROM {table} WHERE {quote(column)} IS NOT NULL "  # noqa: S608
        f"AND (%s::text IS NULL OR {key}::text > %s::text) ORDER BY {key}::text LIMIT {BATCH} FOR UPDATE"
    )
    update = f"UPDATE {table} SET {quote(column)} = %s WHERE {key} = %s"  # noqa: S608
    last: str | None = None
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(select, [last, last])
            rows = cursor.fetchall()
            for row_id, sealed in rows:
                if columns.is_under_first_key(sealed):
                    rotation.unchanged += 1
                else:
                    cursor.execute(update, [columns.seal(columns.unseal(sealed)), row_id])
                    rotation.columns += 1
        if len(rows) < BATCH:
            return
        last = str(rows[-1][0])


def _rotate_second_factors(rotation: Rotation) -> None:
    for authenticator_id in Authenticator.objects.values_list("pk", flat=True):
        with transaction.atomic():
            authenticator = Authenticator.objects.select_for_update().get(pk=authenticator_id)
            for name in SECRETS_OF_AUTHENTICATORS & authenticator.data.keys():
                sealed = authenticator.data[name].encode()
                if columns.is_under_first_key(sealed):
                    rotation.unchanged += 1
                else:
                    authenticator.data[name] = columns.seal(columns.unseal(sealed)).decode()
                    authenticator.save(update_fields=["data"])
                    rotation.columns += 1
