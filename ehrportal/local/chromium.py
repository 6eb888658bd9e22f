"""The browser that the journeys drive."""

import os
import shutil
import subprocess
from collections.abc import Callable

from ehrportal.local.trouble import Trouble


def find_or_install(say: Callable[[str], None]) -> str:
    """
    Where Chromium is, after installing Debian's if we may.

    :raises Trouble: if there is none and we may not; the journeys are never left out in silence
    """
    found = shutil.which("chromium")
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Trouble(
            "The journeys need Chromium and none is installed. Install it "
            "(on Debian: sudo apt-get install chromium) and run script/test again."
        )

    say("Installing Chromium from Debian, for the journeys")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("apt-get -qq update", "apt-get -qq install --yes --no-install-recommends chromium"):
        done = subprocess.run(command.split(), env=environment, capture_output=True, text=True)
        if done.returncode:
            complaint = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise Trouble(f"Chromium could not be installed ({command}): {complaint[-1]}")
    found = shutil.which("chromium")
    if not found:
        raise Trouble("Chromium was installed and is not on PATH. Put it there and run script/test again.")
    return found
