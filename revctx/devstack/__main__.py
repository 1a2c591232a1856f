"""`python -m revctx.devstack run | clean | env COMMAND…`."""

import shutil
import sys

from revctx.devstack.console import complain, say
from revctx.devstack.instance_lock import AlreadyRunning, InstanceLock
from revctx.devstack.paths import STATE_FOLDER, is_root, postgres_folder, root_folder
from revctx.devstack.ports import ServiceError

USAGE = __doc__


def clean() -> int:
    """Remove a stopped stack's data, secrets and programs."""
    if STATE_FOLDER.exists():
        lock = InstanceLock(STATE_FOLDER / "run.lock")
        lock.acquire(label="being removed")
        shutil.rmtree(postgres_folder(STATE_FOLDER), ignore_errors=True)
        shutil.rmtree(STATE_FOLDER)
        lock.release()
    if is_root():
        shutil.rmtree(root_folder(), ignore_errors=True)
    say("Removed the local stack's data.")
    return 0


def main(arguments: list[str]) -> int:
    """Do what the first argument names; return the exit code."""
    try:
        if arguments == ["run"]:
            from revctx.devstack.supervisor import run

            return run()
        if arguments == ["clean"]:
            return clean()
    except (ServiceError, AlreadyRunning) as error:
        complain(str(error))
        return 1
    if arguments[:1] == ["env"] and len(arguments) > 1:
        from revctx.devstack.static_env import become

        become(arguments[1:])
    complain(f"Usage: {USAGE}")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
