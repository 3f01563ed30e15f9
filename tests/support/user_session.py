"""A systemd user session in namespaces of its own, where the service lives its whole life. Run as a program.

    python user_session.py outside FOLDER PORTS    makes the namespaces, and the session's /run and control group
    python user_session.py inside FOLDER PORTS     is the user: session, install, crash, open, remove

`outside` exits with 77 where this computer does not allow that, and with the user's exit code otherwise.
"""

import os
import socket
import subprocess
import sys
from pathlib import Path

CANNOT = 77  # as automake has it for skipped tests
USER = 1000  # in the namespace: nobody in it is root
SETUP = """
mount --make-rprivate / && mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/user/1000 &&
mount -t cgroup2 none /sys/fs/cgroup && mkdir /sys/fs/cgroup/"$0" &&
echo $$ > /sys/fs/cgroup/"$0"/cgroup.procs || exit 77
unshare --user --map-user=1000 --map-group=1000 "$@"
code=$?
echo $$ > /sys/fs/cgroup/cgroup.procs
find /sys/fs/cgroup/"$0" -depth -type d -exec rmdir {} ';'
exit $code
"""


def outside(folder: Path, ports: list[str]) -> int:
    """Make the namespaces and run `inside` there."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup"]
    if os.geteuid() != 0:
        unshare[1:1] = ["--user", "--map-root-user"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        return CANNOT
    inner = [sys.executable, "-P", __file__, "inside", str(folder), *ports]
    return subprocess.run([*unshare, "sh", "-c", SETUP, f"ditto-{os.getpid()}", *inner], check=False).returncode


def inside(home: Path, ports: list[str]) -> int:
    """Be the user."""
    os.environ.clear()
    os.environ.update(
        HOME=str(home), PATH=os.defpath + ":/usr/bin:/bin", XDG_RUNTIME_DIR=f"/run/user/{USER}",
        DITTO_HOME=str(home / "my data, 100 %"), DITTO_TAKES=str(home / "takes $HOME"),
    )  # fmt: skip
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(f"/run/user/{USER}/ready")
        os.environ["NOTIFY_SOCKET"] = f"/run/user/{USER}/ready"
        session = subprocess.Popen(["systemd", "--user", "--log-target=null"])
        ready.settimeout(60)
        while b"READY=1" not in ready.recv(4096):
            pass
    del os.environ["NOTIFY_SOCKET"]
    try:
        _life(home, ports)
    finally:
        session.terminate()
        session.wait(30)
    return 0


def _life(home: Path, ports: list[str]) -> None:
    from bridge.osc.client import OscClient
    from engine.request import LoopRequest

    unit = home / ".config" / "systemd" / "user" / "ditto-live.service"
    osc, engine, page = ports
    options = ["--port", osc, "--engine-port", engine, "--page-port", page, "--model", "toy", "--jobs",
               "engine.service.workers.toy:ToyJobs"]  # fmt: skip
    said = _ditto("install-service", *options)
    assert str(unit) in said, said
    assert _shown("UnitFileState") == "enabled"
    with OscClient(int(osc), patience_seconds=120) as device:
        heard = list(device.make(LoopRequest(prompt="toy: steps=2", bars=1), seconds=120))
    assert heard[-1].path == "/ditto/done", heard
    assert str(heard[-1].values[4]).startswith(str(home / "takes $HOME")), heard  # the folders of the shell are kept

    first = _shown("MainPID")
    os.kill(int(first), 9)
    with OscClient(int(osc), patience_seconds=120) as device:
        device.meet()
    assert _shown("MainPID") not in (first, "0")
    assert _shown("NRestarts") == "1"

    _systemctl("stop", "ditto-live")  # in order: it is not started again, until `open` does
    assert _shown("ActiveState") == "inactive", _shown("ActiveState")
    assert _shown("Result") == "success"
    address = _ditto("open", "--print").split()[-1]
    assert address.startswith(f"http://127.0.0.1:{page}/"), address
    assert _shown("ActiveState") == "active"

    _ditto("install-service", *options)  # again: replaced, still one
    assert _shown("ActiveState") == "active"
    last = int(_shown("MainPID"))
    _ditto("remove-service")
    assert not unit.exists()
    assert not Path(f"/proc/{last}").exists()
    assert _shown("LoadState") == "not-found"
    assert "No service" in _ditto("remove-service")


def _ditto(*words: str) -> str:
    command = [sys.executable, "-P", "-m", "bridge.cli.main", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def _systemctl(*words: str) -> str:
    return subprocess.run(["systemctl", "--user", *words], capture_output=True, text=True, check=True).stdout


def _shown(name: str) -> str:
    return _systemctl("show", "ditto-live", "--value", "-p", name).strip()


if __name__ == "__main__":
    kind, folder, *numbers = sys.argv[1:]
    sys.exit({"outside": outside, "inside": inside}[kind](Path(folder), numbers))
