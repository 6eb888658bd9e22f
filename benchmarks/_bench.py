"""
What benchmarks share: a portal with an empty database of its own, and the line in which a figure is told.

The services are those of the environment: DATABASE_URL, BROKER_URL, CHAIN_RPC_URL. script/bench sets them.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


def figure(name: str, value: float, unit: str, **beside: Any) -> None:
    """Print one figure as one JSON line, with the peer's and whatever else explains it beside it."""
    print(json.dumps({"figure": name, "value": _rounded(value), "unit": unit} | beside), flush=True)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Do something, and return the seconds it took with its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


@contextmanager
def portal(*apps: str) -> Iterator[None]:
    """
    Load the portal on an empty database that is thrown away in the end.

    :param apps: migrate only these; all of them if none is named
    """
    url = os.environ["DATABASE_URL"]
    name = f"bench_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        os.environ["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        # They bring keys of their own; whatever the services' environment says is for a portal that stays.
        os.environ["DJANGO_SETTINGS_MODULE"] = "ehrportal.settings.test"
        import django
        from django.conf import settings
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        _quieten()
        # Every run speaks for a hospital of its own, so that runs on one chain do not meet.
        settings.CHAIN_OPERATOR_KEY = secrets.token_hex(32)
        for app in apps or [None]:
            call_command("migrate", *([app] if app else []), verbosity=0)
        try:
            yield
        finally:
            connections.close_all()
    finally:
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def add_leaves(count: int) -> None:
    """Let this many leaves wait, as an import would leave them, but made by the database itself."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chain_leaf (topic, commitment, created_at)"
            " SELECT 'bench', sha256(gen_random_uuid()::text::bytea), now() FROM generate_series(1, %s)",
            [count],
        )


def _quieten() -> None:
    import logging

    logging.disable(logging.WARNING)


def _rounded(value: float) -> float:
    return value if isinstance(value, int) else float(f"{value:.4g}")
