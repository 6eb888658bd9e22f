"""The patient's pages of sharing: who can see the record, requests, keys, and people who help."""

from consent.views.asking import AcceptRequest, DeclineRequest, RequestDetail
from consent.views.grant import Evidence, GrantDetail, RenewGrant, SignStop, StopGrant
from consent.views.grantees import (
    IsThisYourHelper,
    WhichDepartment,
    WhichDoctor,
    WhichHelper,
    WhichHospital,
)
from consent.views.helping import Look, NewCode, People, Return
from consent.views.index import Index
from consent.views.keys import Keys, NewKey, Recover, RemoveKey, StopRecovery
from consent.views.path import Check, HowLong, Kinds, LastDay, Leave, Sensitive, Start, What, Who, Why

__all__ = [
    "AcceptRequest",
    "Check",
    "DeclineRequest",
    "Evidence",
    "GrantDetail",
    "HowLong",
    "Index",
    "IsThisYourHelper",
    "Keys",
    "Kinds",
    "LastDay",
    "Leave",
    "Look",
    "NewCode",
    "NewKey",
    "People",
    "Recover",
    "RemoveKey",
    "RenewGrant",
    "RequestDetail",
    "Return",
    "Sensitive",
    "SignStop",
    "Start",
    "StopGrant",
    "StopRecovery",
    "What",
    "WhichDepartment",
    "WhichDoctor",
    "WhichHelper",
    "WhichHospital",
    "Who",
    "Why",
]
