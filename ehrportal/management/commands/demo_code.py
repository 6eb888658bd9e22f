"""Print the second factor of a demo account, in place of an authenticator app."""

from argparse import ArgumentParser
from typing import Any

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ehrportal.demo import STAFF, totp_secret_of


class Command(BaseCommand):
    help = "Print the six digits that a demo account is asked for. Local settings only."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", choices=[member.username for member in STAFF])

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        if not settings.IS_LOCAL:
            raise CommandError("Demo accounts exist with local settings only.", returncode=2)
        counter = next(iter(yield_hotp_counters_from_time()))
        self.stdout.write(format_hotp_value(hotp_value(totp_secret_of(username), counter)))
