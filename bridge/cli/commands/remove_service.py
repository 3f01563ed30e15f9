"""`ditto-live remove-service`: the engine no longer starts by itself."""

import sys

from ..login.control import own_service, refuse_root


def remove_service() -> int:
    """Stop the engine, and no longer start it at login. Takes, keys and logs are kept."""
    refuse_root()
    service = own_service()
    if not service.is_installed():
        sys.stdout.write("No service is installed. Nothing was changed.\n")
        return 0
    sys.stdout.write(f"Stopped the engine and removed {service.remove()}.\n")
    return 0
