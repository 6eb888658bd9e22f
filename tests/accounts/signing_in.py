"""Coming to the portal with or without a second factor, without walking through its pages."""

import json
import re
import time

from django.test import Client

from accounts.models import Role, User

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def sign_in(user, *, showing="webauthn", client=None):
    """Return a client whose session has shown this second factor; None for one that has shown a password."""
    client = client or Client()
    client.force_login(user, backend=BACKEND)
    session = client.session
    session["account_authentication_methods_user"] = str(user.pk)
    shown = {"method": "mfa", "type": showing} if showing else {"method": "password"}
    session["account_authentication_methods"] = [{**shown, "at": time.time()}]
    session.save()
    return client


def with_age(client, seconds):
    """Let a session's sign-in lie this long ago."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()
    return client


def page_data(response):
    """Return what a page hands to the passkey scripts."""
    block = re.search(r'<script type="application/json" id="passkey-data">(.*?)</script>', response.text)
    return json.loads(block[1])


def doctor(name="dr.ada", **fields):
    return User.objects.create_user(name, "correct horse battery staple", role=Role.DOCTOR, **fields)
