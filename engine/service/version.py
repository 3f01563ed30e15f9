"""The installed version of Ditto Live."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """Return the installed version."""
    try:
        return version("ditto-live")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
