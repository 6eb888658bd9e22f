"""A person's own account: passkeys, devices, language."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def account(request: HttpRequest) -> HttpResponse:
    return render(request, "account/index.html")
