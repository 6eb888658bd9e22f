"""
Asking every address of the portal the same in two worlds: with what somebody may not see, and without it.

Not one page is named here. What differs between the two answers is a leak.
"""

import os
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pgtrigger
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.urls import NoReverseMatch, resolve, reverse

from audit.models import Event
from chain.log import append_leaves
from records.models import Record, RecordVersion
from records.services.opening import open_list
from tests.authorization.scenes import DAYS, Item
from tests.authorization.world import addresses
from tests.consent import by_definition

# Signing in and keeping one's own account is the same for everybody, and asks nothing about records.
ACCOUNT = re.compile(r"^(account_|mfa_|accounts:|usersessions_|invitation|workspace:(login|logout|jsi18n))")
OPENING = uuid.UUID(int=17)


def differences(scene, who, **drawn):
    """Ask everything as `who`, with and without what they may not see, and return a line for each leak."""
    present, absent = answers(scene, who, **drawn)
    return [
        f"{who} at {' '.join(asked)}: {first_difference(present[asked], absent[asked])}"
        for asked in present
        if present[asked] != absent[asked]
    ]


def answers(scene, who, *, found, grants, more, emergency, questions, only=None):
    """
    Return what `who` is answered where those of the items are that they may not see, and where they are not.

    By method and address, in both worlds the same ones; nothing of this example stays.

    :param only: a pattern of the names of the addresses that are asked; all of them if there is none
    """
    present = {}
    with transaction.atomic():
        scene.permit(grants, emergency)
        hidden, seen = _told_apart(scene, scene.user(who), [*enumerate(found)])
        plenty = [(100 + number, Item("result", day=DAYS[number % 4])) for number in range(more)]
        visible = scene.import_items([*seen, *plenty])
        client = scene.client(who)
        # What the privacy officer looks at is the log: a line that names more records is another line.
        is_told_of_more = who != "privacy_officer"
        with transaction.atomic():
            records = scene.import_items(hidden)
            _patient_looks(scene, visible + records if is_told_of_more else visible)
            for door in doors(scene, visible, records, only):
                present |= try_door(client, door, questions)
            transaction.set_rollback(True)
        with transaction.atomic():
            # The log is public, and so is how long it is: in both worlds the same.
            append_leaves(topic="test", commitments=[os.urandom(32) for _ in hidden], at=scene.noon)
            _patient_looks(scene, visible)
            absent = {asked: answer(client, *asked) for asked in present}
            transaction.set_rollback(True)
        transaction.set_rollback(True)
    return present, absent


def _told_apart(scene, actor, numbered):
    """Split the items into those that `actor` may not see and those that they may, by the definition."""
    with transaction.atomic():
        hidden, seen = [], []
        for one, record in zip(numbered, scene.import_items(numbered), strict=True):
            readable = by_definition.readable(actor, [record], record.patient, scene.noon)
            (seen if readable else hidden).append(one)
        transaction.set_rollback(True)
    return hidden, seen


def _patient_looks(scene, records):
    """The patient looked at all of their records this morning; one line of the access log says so."""
    amina = scene.patients[0]
    at = scene.noon - timedelta(hours=2)
    hers = Q(record__in=[one for one in records if one.patient == amina])
    versions = RecordVersion.objects.filter(hers | Q(record__fhir_id="hb"))
    event_ids = set(Event.objects.values_list("pk", flat=True))
    open_list(versions.order_by("record__fhir_id"), by=amina.user, at=at, patient=amina)
    # Its key is random. It is one line in both worlds, so it gets one name.
    with pgtrigger.ignore("audit.Event:append_only"):
        Event.objects.exclude(pk__in=event_ids).update(id=OPENING)


@dataclass
class Door:
    """An address with whatever can stand in it."""

    paths: list
    is_list: bool
    is_of_record: bool


def doors(scene, visible, hidden, only):
    """Every address that could tell something."""
    patients = [one.pk for one in scene.patients]
    known = {one.pk for one in Record.objects.filter(fhir_id__in=["hb", "letter"])}
    yield Door([reverse("records:opening", kwargs={"pk": OPENING})], is_list=False, is_of_record=False)
    for name in addresses():
        if ACCOUNT.match(name) or (only and not re.search(only, name)):
            continue
        arguments = scene.world.arguments.get(name, {})
        choices = [arguments]
        if of_record := next((key for key, value in arguments.items() if value in known), None):
            # The page of every record that is seen: each may lead to what is not. The rest of the hidden.
            some = [*hidden[:2], *visible[:3]] if "number" not in arguments else [*hidden[:1], *visible[:1]]
            for one in some:
                owner = {key: one.patient_id for key, value in arguments.items() if value in patients}
                choices.append({**arguments, **owner, of_record: one.pk})
        elif [*arguments.values()] == patients[:1]:
            choices += [{**arguments, key: patients[1]} for key in arguments]
        try:
            paths = [reverse(name, kwargs=choice) for choice in choices]
        except NoReverseMatch:
            # Its arguments are missing in the world; the matrix says so.
            continue
        # What needs no login is the same for everybody, whatever is asked.
        is_public = not getattr(resolve(paths[0]).func, "login_required", True)
        is_list = of_record is None and not is_public and not set(arguments.values()) - {*patients}
        yield Door(paths, is_list, is_of_record=of_record is not None)


def try_door(client, door, questions):
    """Ask for one address with each choice; by either method where it is about one record."""
    found = {}
    takes_forms = door.is_of_record
    for path in door.paths:
        first = found["GET", path] = answer(client, "GET", path)
        if is_closed(first):
            # To this person it is, whatever is asked for behind it.
            break
        if takes_forms:
            sent = found["POST", path] = answer(client, "POST", path)
            takes_forms = sent[0] != 405
        if door.is_list and first[0] == 200:
            for question in questions:
                found["GET", f"{path}?{question}"] = answer(client, "GET", f"{path}?{question}")
    return found


def is_closed(given):
    """Whether it is the role that is refused, and not the thing."""
    status, headers, *_ = given
    sign_in = (reverse("account_login"), reverse("workspace:login"))
    return status == 403 or (status == 302 and urlsplit(headers["Location"]).path in sign_in)


# Drawn anew for every answer, so that no two are ever the same: a form's token, and the name of a Bundle that
# is put together for a download. So is the name of the line that a request itself leaves in the log, which is
# taken out by that name. Nothing else is left out.
DRAWN_ANEW = re.compile(
    rb'name="csrfmiddlewaretoken" value="\w+"|(?<="resourceType": "Bundle", )"id": "[-0-9a-f]{36}"'
)


def answer(client, method, address):
    """Return all of an answer that can tell something; what the request changed is undone."""
    cache.clear()
    cookies = client.cookies.copy()
    before = set(Event.objects.values_list("pk", flat=True))
    with transaction.atomic():
        response = client.generic(method, address)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        lines = set(Event.objects.values_list("pk", flat=True)) - before
        transaction.set_rollback(True)
    client.cookies = cookies
    for line in lines:
        body = body.replace(str(line).encode(), b"this line")
    set_cookies = {
        name: morsel.OutputString()
        for name, morsel in response.cookies.items()
        if name not in ("csrftoken", "sessionid")
    }
    return response.status_code, dict(response.headers), set_cookies, DRAWN_ANEW.sub(b"", body)


def first_difference(one, other):
    """Show the place where two answers part."""
    (status, headers, cookies, body), (status_2, headers_2, cookies_2, body_2) = one, other
    if status != status_2:
        return f"{status} and {status_2}"
    if body == body_2:
        changed = set(headers.items()) ^ set(headers_2.items())
        return f"headers {sorted(changed)}, cookies {cookies} and {cookies_2}"
    parted = (place for place, (a, b) in enumerate(zip(body, body_2, strict=False)) if a != b)
    place = next(parted, min(len(body), len(body_2)))
    around = slice(max(place - 60, 0), place + 120)
    return f"{body[around]!r} and {body_2[around]!r}"
