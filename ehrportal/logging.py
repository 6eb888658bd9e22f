"""Structured logs: one event name and its facts a line. No patient data ever goes into a log."""

from typing import Any

import structlog

# Keys that could carry something about a patient, should a caller forget the rule.
FORBIDDEN_KEYS = frozenset(
    {"patient", "name", "birth_date", "resource", "document", "value", "email", "code"}
)


def drop_forbidden(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank what must never be logged, whoever handed it in."""
    for key in FORBIDDEN_KEYS & event.keys():
        event[key] = "[withheld]"
    return event


def configuration(*, json: bool) -> dict[str, Any]:
    """Configure structlog, and return the LOGGING dictionary that sends the standard library the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_forbidden,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    # Frames can hold a decrypted record in a variable: names of functions only.
                    structlog.processors.ExceptionRenderer(
                        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                    )
                    if json
                    else structlog.processors.format_exc_info,
                    renderer,
                ],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # Paths hold identifiers of records; our own request log names the view instead.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"level": "CRITICAL"},
            "gunicorn.access": {"level": "CRITICAL"},
            "celery.app.trace": {"level": "WARNING"},
            "web3": {"level": "WARNING"},
            # It names the credential, which is somebody.
            "fido2": {"level": "WARNING"},
        },
    }
