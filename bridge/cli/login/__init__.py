"""The engine at login: a systemd user unit, a launchd agent or a Windows task that runs `ditto-live serve`."""
