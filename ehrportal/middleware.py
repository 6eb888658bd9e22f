"""What every answer of the portal passes through: its log line, and the headers that bind a browser."""

import secrets
import time
import traceback
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse

logger = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]

# Raised to answer, not because something failed.
ANSWERS = (Http404, PermissionDenied, SuspiciousOperation)


class RequestLog:
    """One line a request: which view, which status, how long. Never the path or query, which may identify."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=secrets.token_hex(8))
        started = time.monotonic()
        response = self.get_response(request)
        match = request.resolver_match
        logger.info(
            "request.answered",
            view=match.view_name if match else None,
            method=request.method,
            status=response.status_code,
            milliseconds=round((time.monotonic() - started) * 1000),
        )
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """
        Note where a view failed: the kind of error and the functions it passed through.

        Not its message: that may quote the value that was wrong, and the value may be a patient's.
        """
        if isinstance(exception, ANSWERS):
            return
        match = request.resolver_match
        frames = traceback.extract_tb(exception.__traceback__)
        logger.error(
            "request.failed",
            view=match.view_name if match else None,
            error=type(exception).__qualname__,
            frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        )


class SecurityHeaders:
    """
    Set the content security policy, and keep pages about people out of every cache.

    A view that needs another policy sets the header itself; static files have their own middleware.
    """

    POLICY = (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        # What a patient shares is posted here, and answered with the way to where it is signed.
        "form-action 'self' {consent}; frame-ancestors 'none'"
    )
    # Alpine, which unfold brings, evaluates expressions written in attributes.
    WORKSPACE_POLICY = (
        "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'; "
        "style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_workspace = request.path.startswith("/workspace/")
        policy = self.WORKSPACE_POLICY if is_workspace else self.POLICY.format(consent=settings.CONSENT_URL)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response
