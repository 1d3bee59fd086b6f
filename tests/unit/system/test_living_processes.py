"""A process is told from every other, also from one that has its number later."""

import os
import signal
import subprocess
import sys

from mindsmirror.system.processes import Process, lives, pid_lives, this_process


def test_this_process_lives_and_one_with_its_number_from_another_time_does_not() -> None:
    me = this_process()
    assert me.pid == os.getpid() and me.host and lives(me) is True
    assert lives(me._replace(started=me.started + "0")) is False
    assert lives(me._replace(pid=0)) is False and lives(me._replace(pid=-1)) is False


def test_nobody_can_tell_of_another_machine() -> None:
    assert lives(Process("elsewhere", os.getpid(), "1")) is None


def test_a_killed_process_is_dead_before_its_parent_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"], stdout=-1)
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    assert pid_lives(child.pid)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not pid_lives(child.pid)
    child.wait()
    assert not pid_lives(child.pid)
    child.stdout.close()


def test_a_forked_process_is_another() -> None:
    me = this_process()
    child = os.fork()
    if child == 0:
        os._exit(0 if this_process().pid == os.getpid() != me.pid else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
