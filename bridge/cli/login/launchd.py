"""The property list of a launchd agent (launchd.plist(5)) and where it lies."""

import plistlib
from pathlib import Path

from .program import RESTART_SECONDS, Program

LABEL = "live.ditto.serve"


def agent_file(home: Path) -> Path:
    """Return where the user's own agents lie."""
    return home / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def log_file(home: Path) -> Path:
    """Return where macOS keeps a user's logs; Console shows them."""
    return home / "Library" / "Logs" / "Ditto Live" / "serve.log"


def agent(program: Program) -> bytes:
    """Return an agent that starts the program at login and again after a crash.

    An `Interactive` process is not slowed down as a background job: somebody waits for the loop.
    """
    log = str(program.log)
    return plistlib.dumps(
        {
            "Label": LABEL,
            "ProgramArguments": list(program.command),
            "EnvironmentVariables": dict(program.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": RESTART_SECONDS,
            "ProcessType": "Interactive",
            "LimitLoadToSessionType": "Aqua",
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
    )
