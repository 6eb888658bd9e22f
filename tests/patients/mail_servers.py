"""A mail server that answers as real ones do when they will not take a mail."""

import smtplib

from django.core.mail.backends.base import BaseEmailBackend


class Refusing(BaseEmailBackend):
    """Refuses every recipient, naming them."""

    def send_messages(self, email_messages):
        refused = {to: (550, b"no such user") for message in email_messages for to in message.to}
        raise smtplib.SMTPRecipientsRefused(refused)
