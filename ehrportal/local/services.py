"""The three services together: started in order, stopped in reverse, whatever happens between."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ehrportal.local import processes, secrets_file
from ehrportal.local.chain_node import ChainNode
from ehrportal.local.lock import hold_lock
from ehrportal.local.postgres import Postgres
from ehrportal.local.trouble import plain_disk_errors, require_space
from ehrportal.local.valkey import Valkey


@dataclass(frozen=True)
class Running:
    """Services that are up, and how to reach them."""

    environment: dict[str, str]
    children: tuple[processes.Child, ...]

    def ended(self) -> processes.Child | None:
        """The first service that has ended although nobody asked it to."""
        return next((child for child in self.children if child.has_ended), None)


@contextmanager
def services(
    state: Path, *, disposable: bool = False, block_time: int = 1, about: str = "the local services"
) -> Iterator[Running]:
    """
    Run PostgreSQL, Valkey and the EVM node on the data in `state` until the block ends.

    :raises Trouble: if one of them cannot start, or somebody else uses the same state folder
    """
    with ExitStack() as cleanup:
        with plain_disk_errors():
            require_space(state)
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            state = state.resolve()
            cleanup.enter_context(hold_lock(state, about=about))
            if disposable:
                cleanup.callback(shutil.rmtree, state, ignore_errors=True)
            made = secrets_file.load_or_make(
                state / "secrets.env",
                {name: lambda: secrets.token_hex(24) for name in ("POSTGRES_PASSWORD", "VALKEY_PASSWORD")},
            )
            postgres = Postgres(state, made["POSTGRES_PASSWORD"], disposable)
            require_space(postgres.home)
            if disposable:
                cleanup.callback(postgres.forget)
            valkey = Valkey(state, made["VALKEY_PASSWORD"], disposable)
            chain = ChainNode(state, block_time)

            children = []
            for service in (postgres, valkey, chain):
                child = service.start()
                cleanup.callback(child.stop)
                children.append(child)

        yield Running(
            {"DATABASE_URL": postgres.url, "BROKER_URL": valkey.url, "CHAIN_RPC_URL": chain.url},
            tuple(children),
        )
