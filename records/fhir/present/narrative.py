"""
A resource's own narrative, made safe to show, or nothing.

Narratives come from anywhere and are HTML that somebody else wrote: no script, style, image, link
or form of theirs reaches a patient's page. Many are not even XHTML; those are not shown at all, as
the page is made from the data anyway.
"""

import re
from typing import Any

import nh3

from records.fhir.present.access import text

_TAGS = {
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "col",
    "colgroup",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
}
_ATTRIBUTES = {
    "*": {"lang", "dir"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start"},
}
_DIV = re.compile(r"\s*<div[\s>]")
_HEADING = re.compile(r"<(/?)h[1-6](?: [^>]*)?>")
MAX_LENGTH = 500_000


def narrative_of(node: Any) -> str | None:
    """
    The sanitised HTML of a resource's or section's `text`, or None where there is none worth showing.
    """
    if text(node, "text", "status") == "empty":
        return None
    div = text(node, "text", "div")
    if not _DIV.match(div) or len(div) > MAX_LENGTH:
        return None
    clean = nh3.clean(div, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=set(), link_rel=None)
    # A page has one outline, and it is ours: a sender's headings become bold paragraphs.
    clean = _HEADING.sub(lambda match: "</strong></p>" if match[1] else "<p><strong>", clean)
    return clean if re.sub(r"<[^>]+>|&nbsp;|\s", "", clean) else None


def has_unshown_narrative(node: Any) -> bool:
    """Whether there is a narrative that is not shown, because it is not XHTML."""
    div = text(node, "text", "div")
    return bool(div) and narrative_of(node) is None and text(node, "text", "status") != "empty"
