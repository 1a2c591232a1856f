"""Become another program that dies with its parent, as another user if asked.

Run as a script by `children.spawn`, in isolated mode: it must import nothing but the standard
library, and costs some 15 ms. Arguments: parent pid, death signal, user or "-", command.
A `preexec_fn` would do the same inside the fork, but is unsafe where the parent has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def become_user(name: str) -> None:
    """Drop root for good."""
    import pwd

    entry = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def die_with(parent: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent ends; leave at once if it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Read the arguments and become the command."""
    parent, signal_number, user, *command = sys.argv[1:]
    if user != "-":
        become_user(user)
    die_with(int(parent), int(signal_number))
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
