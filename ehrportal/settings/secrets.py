"""What a secret must be like before a hospital may rely on it."""

import base64
import binascii
from collections.abc import Callable

# Words that stand in examples and tutorials, and so in every attacker's list.
EXAMPLES = ("changeme", "insecure", "test-", "example")
# The first account of every development chain: everybody has its key.
DEVELOPMENT_CHAIN_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def characters(least: int) -> Callable[[str], str]:
    def fault(value: str) -> str:
        is_long = all(len(one) >= least for one in value.split(","))
        return "" if is_long else f"wants {least} random characters or more"

    return fault


def hex_key(value: str) -> str:
    if value.removeprefix("0x").lower() == DEVELOPMENT_CHAIN_KEY:
        return "is the key of a development chain, which everybody has"
    try:
        is_key = len(bytes.fromhex(value.removeprefix("0x"))) == 32
    except ValueError:
        is_key = False
    return "" if is_key else "wants 32 bytes as 64 hexadecimal digits"


def base64_key(value: str) -> str:
    try:
        is_key = all(len(base64.b64decode(one, validate=True)) == 32 for one in value.split(","))
    except binascii.Error:
        is_key = False
    return "" if is_key else "wants 32 bytes as base64"


# Each secret, and the check that says what is wrong with a value, or nothing.
SECRETS: dict[str, Callable[[str], str]] = {
    "SECRET_KEY": characters(50),
    "COLUMN_KEYS": characters(32),
    "KEY_ENCRYPTION_KEYS": base64_key,
    "BLIND_INDEX_KEY": base64_key,
    "LOG_SIGNING_KEY": hex_key,
    "CHAIN_OPERATOR_KEY": hex_key,
}


def fault_of(name: str, value: str) -> str:
    """Say what is wrong with the value of a secret, without repeating it; nothing if it will do."""
    if any(word in value.lower() for word in EXAMPLES):
        return "is an example, make your own"
    return SECRETS[name](value)
