"""Run the sandbox: `python -m integrations.sandbox --port 8100`."""

import argparse
import signal
import sys
from types import FrameType

from integrations.sandbox.server import make_server


def main() -> None:
    """Serve on loopback until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m integrations.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    arguments = parser.parse_args()
    try:
        server = make_server(arguments.host, arguments.port)
    except OSError as error:
        sys.exit(f"The sandbox can't listen on {arguments.host}:{arguments.port}: {error.strerror}.")

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    sys.stdout.write(f"sandbox on http://{arguments.host}:{server.server_address[1]}\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


if __name__ == "__main__":
    main()
