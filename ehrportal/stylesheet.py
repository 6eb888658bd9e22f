"""
The portal's stylesheet, made from that of nhsuk-frontend.

The package's own file names the NHS's font and colours and knows one direction of writing. This makes
`static/portal/nhsuk.css` of it: a system font, the hospital's colours, and sides that follow the text,
so that one file serves English and Arabic. `script/bootstrap` runs it; an installation of its own does so
before `collectstatic`:

    python -m ehrportal.stylesheet
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk" / "nhsuk-frontend.min.css"
TARGET = ROOT / "static" / "portal" / "nhsuk.css"

FONTS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans Arabic",Arial,sans-serif'

# What the package calls brand colour, and the shades and tints it mixed of it; /theme.css defines them.
COLOURS = {
    "#005eb8": "var(--hospital-colour)",
    "#003087": "var(--hospital-accent-colour)",
    "#0055a6": "var(--hospital-shade-90)",
    "#004b93": "var(--hospital-shade-80)",
    "#004281": "var(--hospital-shade-70)",
    "#003d78": "var(--hospital-shade-65)",
    "#002f5c": "var(--hospital-shade-50)",
    "#337ec6": "var(--hospital-tint-80)",
    "#c7dcef": "var(--hospital-tint-22)",
    "#ccdff1": "var(--hospital-tint-20)",
    "#d9e7f4": "var(--hospital-tint-15)",
}

SIDES = {"left": "start", "right": "end"}


def _logical_declaration(declaration: str) -> str:
    """Rewrite one declaration so that its sides follow the direction of the text."""
    name, colon, value = declaration.partition(":")
    if match := re.fullmatch(r"(margin|padding|border)-(left|right)(-\w+)?", name):
        name = f"{match[1]}-inline-{SIDES[match[2]]}{match[3] or ''}"
    elif name in SIDES:
        name = f"inset-inline-{SIDES[name]}"
    elif name in ("text-align", "float", "clear"):
        prefix = "" if name == "text-align" else "inline-"
        value = re.sub(r"^(left|right)", lambda side: prefix + SIDES[side[1]], value)
    elif name in ("margin", "padding") and len(sides := re.findall(r"calc\([^)]*\)|[^\s]+", value)) == 4:
        top, right, bottom, left = sides
        if right != left:
            important = " !important" if "!important" in left else ""
            return (
                f"{name}-block:{top} {bottom}{important};"
                f"{name}-inline:{left.removesuffix('!important')} {right}{important}"
            )
    elif name == "border-radius" and value == "0 .25rem .25rem 0":
        return "border-start-end-radius:.25rem;border-end-end-radius:.25rem"
    return name + colon + value


def _logical_rule(match: re.Match[str]) -> str:
    body = match[1]
    # Drawn ticks and dots are centred by moving them half their width to the left: they keep their sides,
    # and `portal.css` moves them where the text runs the other way.
    if "translate(-50%" in body:
        return match[0]
    # Semicolons inside url(data:...) end no declaration.
    declarations = re.findall(r"(?:[^;(]|\([^)]*\))+", body)
    return "{" + ";".join(_logical_declaration(one) for one in declarations) + "}"


def portal_stylesheet(css: str) -> str:
    """Return `css` without the NHS's font and colours, and with sides that follow the text."""
    css = re.sub(r"@font-face\{[^}]*\}", "", css)
    css = css.replace("Frutiger W01,arial,sans-serif", FONTS)
    css = re.sub(r"\{([^{}]*)\}", _logical_rule, css)
    for colour, ours in COLOURS.items():
        css = re.sub(rf"{colour}\b", ours, css)
    css = css.replace("/assets/images/", "../nhsuk/assets/images/")
    css = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", css).strip()
    # A line a rule, for whoever looks at it in a browser.
    return css.replace("}", "}\n")


if __name__ == "__main__":
    TARGET.write_text(portal_stylesheet(SOURCE.read_text()))
