"""The XML of a Windows scheduled task (Task Scheduler Schema 1.2, whose elements have an order).

A task has no variables of its own, so the folders of data and takes go as options. Task Scheduler's own restart is for
tasks that cannot be started; a program that crashes is started again by the trigger's repetition, which does nothing
while the program runs (`IgnoreNew`).
"""

import subprocess
from xml.sax.saxutils import escape

from .program import PURPOSE, Program

RESTART_AFTER = "PT1M"  # ISO 8601; the shortest that a task may repeat
ENCODING = "utf-16"  # schtasks reads no other with letters beyond ASCII
_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"


def task_name(user: str) -> str:
    """Return a name of this user's own: all users of a computer share the list of tasks."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in user)
    return f"Ditto Live ({kept})"


_SETTINGS = f"""\
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <AllowHardTerminate>true</AllowHardTerminate>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <RunOnlyIfIdle>false</RunOnlyIfIdle>
    <WakeToRun>false</WakeToRun>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure><Interval>{RESTART_AFTER}</Interval><Count>255</Count></RestartOnFailure>
  </Settings>
"""


def task(program: Program, user: str) -> str:
    r"""Return a task of `user`'s (DOMAIN\name) that starts the program at once, at each login and after a crash."""
    path, *arguments = program.command
    repeated = f"<Enabled>true</Enabled><Repetition><Interval>{RESTART_AFTER}</Interval></Repetition>"
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="{_NAMESPACE}">
  <RegistrationInfo>
    <Author>{escape(user)}</Author>
    <Description>{escape(PURPOSE)}</Description>
  </RegistrationInfo>
  <Triggers>
    <RegistrationTrigger>{repeated}</RegistrationTrigger>
    <LogonTrigger>{repeated}<UserId>{escape(user)}</UserId></LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
{_SETTINGS}  <Actions Context="Author">
    <Exec>
      <Command>{escape(path)}</Command>
      <Arguments>{escape(subprocess.list2cmdline(arguments))}</Arguments>
    </Exec>
  </Actions>
</Task>
"""
