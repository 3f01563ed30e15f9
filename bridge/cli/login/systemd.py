"""The text of a systemd user unit (systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.syntax(7))."""

from pathlib import Path

from .program import PURPOSE, RESTART_SECONDS, Program

UNIT_NAME = "ditto-live.service"


def unit_file(config: Path) -> Path:
    """Return where the user's own units lie, below XDG_CONFIG_HOME or ~/.config."""
    return config / "systemd" / "user" / UNIT_NAME


def unit(program: Program) -> str:
    """Return a unit that starts the program at login and again after a crash; it logs to the journal."""
    path, *arguments = program.command
    command = " ".join((_quoted(path), *(_quoted(word, variables=True) for word in arguments)))
    variables = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(program.environment.items())
    )
    return f"""\
[Unit]
Description={PURPOSE}
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
{variables}Restart=on-failure
RestartSec={RESTART_SECONDS}

[Install]
WantedBy=default.target
"""


def _quoted(word: str, *, variables: bool = False) -> str:
    """Return a word as systemd reads it back; `variables` where it would put in variables of the environment."""
    for special, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%")):
        word = word.replace(special, written)
    return f'"{word.replace("$", "$$") if variables else word}"'
