"""Keyed tokens over what records hold in their encrypted bytes: codes, identifiers and references."""

from typing import Any

from patients.blind_index import blind_index
from records.fhir.references import named_in


def code_token(code: str) -> bytes:
    """The token of a coded value, given as ``system|code``."""
    return blind_index("code", code)


def identifier_token(source: str, resource_type: str, system: str | None, value: str) -> bytes:
    """The token of a business identifier; without a system it stands for the value in any system."""
    return blind_index("resource-identifier", f"{source}|{resource_type}|{system or ''}|{value}")


def identity_token(source: str, resource_type: str, fhir_id: str) -> bytes:
    return blind_index("resource-identity", f"{source}|{resource_type}/{fhir_id}")


def reference_token(source: str, reference: str) -> bytes:
    """The token by which the target of a reference is found, should it arrive after the reference."""
    if "?identifier=" in reference:
        resource_type, _, identifier = reference.partition("?identifier=")
        system, bar, value = identifier.rpartition("|")
        return identifier_token(source, resource_type, system if bar else None, value)
    if identity := named_in(reference):
        return identity_token(source, *identity)
    return blind_index("resource-reference", f"{source}|{reference}")


def identifier_tokens(source: str, content: dict[str, Any]) -> set[bytes]:
    """The tokens of every business identifier of a resource, with and without its system."""
    tokens = set()
    identifiers = content.get("identifier")
    for one in identifiers if isinstance(identifiers, list) else [identifiers]:
        if isinstance(one, dict) and isinstance(one.get("value"), str):
            for system in {one.get("system"), None}:
                tokens.add(identifier_token(source, content["resourceType"], system, one["value"]))
    return tokens
