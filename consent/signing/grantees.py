"""The commitment to who may read: what stands on the chain in the place of a name."""

from consent.evidence import grantee_of, grantee_salt

__all__ = ["grantee_commitment", "grantee_salt"]


def grantee_commitment(secret: bytes, text: str) -> bytes:
    """
    Commit to who may read.

    :param secret: that of the Consent's version, so that one erasure makes both commitments meaningless
    :param text: who may read, as one address, such as ``https://south.example``
    """
    return grantee_of(text, grantee_salt(secret))
