"""What can go wrong with the device file."""

from engine.errors import BadInputError, DittoError


class ContainerError(BadInputError):
    """A file is not a Max for Live device, or is cut short."""

    code = "not_a_device"
    remedy = "Choose an .amxd file that Live or `ditto-live build-device` has written."


class DeviceCheckError(DittoError):
    """The device that was built does not meet one of our own rules."""

    code = "device_check"
    remedy = "Mend what the sentences name, in `max_for_live/`, and build again."


class InstallError(DittoError):
    """The device cannot be copied to where Live looks for it."""

    code = "install"
    remedy = "Give the folder of your User Library: `ditto-live install-device FOLDER`."
