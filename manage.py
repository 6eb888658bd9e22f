#!/usr/bin/env python
"""Django's command line, with the settings of this machine unless the environment names others."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ehrportal.settings.local")
    if os.environ["DJANGO_SETTINGS_MODULE"] == "ehrportal.settings.local":
        # Where script/server put its database and keys, for a command in another terminal.
        from ehrportal.local.secrets_file import adopt

        state = os.environ.get("EHRPORTAL_STATE") or Path(__file__).resolve().parent / ".local/server"
        adopt(Path(state) / "env")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
