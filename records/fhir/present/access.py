"""
Taking elements out of a resource without ever being surprised.

Everything here returns the shape that was asked for, empty where the resource has none: a primitive
may be missing with only an extension in its place, a list may have holes, and a page about a
patient must not break for it.
"""

from typing import Any

Node = dict[str, Any]


def text(node: Any, *path: str) -> str:
    """The string at a path of single elements, or an empty one."""
    found = _at(node, path)
    return found.strip() if isinstance(found, str) else ""


def one(node: Any, *path: str) -> Node:
    """The object at a path of single elements; the first, where there is a list of them."""
    found = _at(node, path)
    if isinstance(found, list):
        found = next((item for item in found if isinstance(item, dict)), None)
    return found if isinstance(found, dict) else {}


def many(node: Any, *path: str) -> list[Node]:
    """The objects at a path."""
    found = _at(node, path)
    return [item for item in (found if isinstance(found, list) else [found]) if isinstance(item, dict)]


def texts(node: Any, *path: str) -> list[str]:
    """The strings of a list, without its holes."""
    found = _at(node, path)
    return [item.strip() for item in (found if isinstance(found, list) else [found]) if isinstance(item, str)]


def choice(node: Any, stem: str) -> tuple[str, Any]:
    """The name and value of the one `stem[x]` that is there, such as ("effectivePeriod", {…})."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name.startswith(stem) and name[len(stem) : len(stem) + 1].isupper() and value is not None:
                return name, value
    return "", None


def extension(node: Any, url: str) -> Node:
    """The extension with this URL, or an empty object."""
    return next((item for item in many(node, "extension") if item.get("url") == url), {})


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if isinstance(node, list):
            node = next((item for item in node if isinstance(item, dict)), None)
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    return node
