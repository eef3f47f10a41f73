"""A toy figure that takes the process with it that draws it."""

import os
import signal


def draw(tables):
    os.kill(os.getpid(), signal.SIGKILL)
