"""`ditto-live install-service`: the engine starts by itself at login."""

import sys

from engine.settings import DEFAULT_ENGINE_PORT, DEFAULT_OSC_PORT, DEFAULT_PAGE_PORT

from ..login.control import own_service, refuse_root
from ..running import Device, EnginePort, FirstModel, JobsName, OscPort, PagePort


def install_service(
    model: FirstModel = "pocket",
    device: Device = "auto",
    port: OscPort = DEFAULT_OSC_PORT,
    engine_port: EnginePort = DEFAULT_ENGINE_PORT,
    page_port: PagePort = DEFAULT_PAGE_PORT,
    jobs: JobsName = "",
) -> int:
    """Start bridge and engine now, at each login and after a crash; the DITTO_ folders of this shell are kept."""
    refuse_root()
    options = {
        "--model": (model, "pocket"),
        "--device": (device, "auto"),
        "--port": (port, DEFAULT_OSC_PORT),
        "--engine-port": (engine_port, DEFAULT_ENGINE_PORT),
        "--page-port": (page_port, DEFAULT_PAGE_PORT),
        "--jobs": (jobs, ""),
    }
    changed = [word for flag, (value, usual) in options.items() if value != usual for word in (flag, str(value))]
    done = own_service().install(changed)
    sys.stdout.write(
        f"Wrote {done.written}.\n"
        "The engine runs from now on: it starts when you log in, and again after a crash.\n"
        f"How it is: {done.state}\nWhat it says: {done.log}\n"
        "To undo this: ditto-live remove-service\n"
    )
    return 0
