"""The documentation draws the states that the code has."""

import re
from pathlib import Path

from chain.models import Transaction

PAGE = Path(__file__).resolve().parents[2] / "docs/transactions.md"


def drawn():
    """Draw the transition table as Mermaid."""
    lines = ["stateDiagram-v2", f"    [*] --> {Transaction._meta.get_field('state').default.value}"]
    for state, targets in Transaction.MOVES.items():
        lines += [f"    {state.value} --> {target}" for target in sorted(target.value for target in targets)]
        if not targets:
            lines.append(f"    {state.value} --> [*]")
    return "\n".join(lines)


class TestDiagram:
    def test_shows_every_move_and_no_other(self):
        (block,) = re.findall(r"```mermaid\n(.*?)\n```", PAGE.read_text(), re.DOTALL)

        assert block == drawn(), f"Put this into {PAGE.name}:\n{drawn()}"

    def test_explains_every_state(self):
        for state in Transaction.State.values:
            assert f"| {state} |" in PAGE.read_text()
