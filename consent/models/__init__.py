"""Grants, requests, keys, what is on its way to the chain, and emergencies."""

from consent.models.emergencies import BreakGlass, ProxyCode
from consent.models.grants import (
    AccessRequest,
    Basis,
    Covers,
    EndedBy,
    Grant,
    GranteeKind,
    Purpose,
)
from consent.models.keys import Pseudonym, Recovery, Signer
from consent.models.relays import Relay, Ticket

__all__ = [
    "AccessRequest",
    "Basis",
    "BreakGlass",
    "Covers",
    "EndedBy",
    "Grant",
    "GranteeKind",
    "ProxyCode",
    "Pseudonym",
    "Purpose",
    "Recovery",
    "Relay",
    "Signer",
    "Ticket",
]
