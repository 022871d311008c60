"""To wait for what other processes do, however busy the machine is."""

import time

import psutil

PATIENCE_S = 300


def wait_for(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited for {PATIENCE_S} s in vain"
        time.sleep(0.1)


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
