"""verify/verify.py, as a stranger has it: loaded from its file, or run as a command."""

import importlib.util
import os
import subprocess
import sys

from tests.verify.browser_side import verdicts
from tests.verify.conftest import CHECKOUT

VERIFIER = CHECKOUT / "verify/verify.py"

_spec = importlib.util.spec_from_file_location("standalone_verifier", VERIFIER)
verifier = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = verifier
_spec.loader.exec_module(verifier)


def both(file, rpc=None, trusted=None):
    """The verdict of verify.py, once verify.js has given the same."""
    ours = verifier.verify(file.encode(), rpc=rpc, contract=trusted)
    [theirs] = verdicts([{"file": file, "rpc": rpc, "trusted": trusted}])
    for verdict in (ours, theirs):
        # Python and JavaScript have words of their own for what went wrong on the wire.
        verdict["details"] = [d for d in verdict["details"] if d["label"] != "Reason"]
    assert ours == theirs
    return ours


def run(*arguments, stdin=None):
    return subprocess.run(
        [sys.executable, "-I", VERIFIER, *arguments],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
        env={"LANG": "C", "PATH": os.environ["PATH"]},
    )
