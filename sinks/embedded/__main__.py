"""`python -m sinks.embedded`: the embedded store as a process; prints one line when it is ready."""

import argparse
import json
import os
import resource
import sys
from dataclasses import replace
from pathlib import Path


def main(argv: list[str] | None = None) -> int:
    """Exit 0 after an orderly stop, 2 for bad input, 4 when the folder or a port is not to be had."""
    parser = argparse.ArgumentParser(prog="python -m sinks.embedded", description=__doc__)
    parser.add_argument("--path", type=Path, required=True, help="folder of the store; made if missing")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: loopback only)")
    parser.add_argument("--port", type=int, default=0, help="native port; 0 picks one")
    parser.add_argument("--http-port", type=int, default=0, help="HTTP port; 0 picks one")
    parser.add_argument("--passwords-file", type=Path, required=True, help='JSON: {"writer": …, "reader": …}')
    parser.add_argument("--memory", type=int, default=0, help="bytes the engine may use (default: 40 %% of all)")
    parser.add_argument("--threads", type=int, default=0, help="threads a statement may use (default: all)")
    parser.add_argument("--clients", type=int, help="clients at once, of both ports; five in six may be readers")
    parser.add_argument("--statements", type=int, help="statements at once; half of them may be readers'")
    parser.add_argument("--visitors", type=Path, help="file that is told, hour by hour, who came")
    args = parser.parse_args(argv)
    # The engine takes its time zone from the process, at load: a store must not depend on where it runs.
    os.environ["TZ"] = "UTC"
    # Each client holds about four descriptors, each part of a table a few more.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    from sinks.embedded.errors import EngineError
    from sinks.embedded.limits import Limits
    from sinks.embedded.server import Ports, serve
    from sinks.embedded.users import Users

    try:
        passwords = json.loads(args.passwords_file.read_text())
        users = Users(passwords["writer"], passwords["reader"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        print(f"passwords file {args.passwords_file}: {type(exc).__name__}: {exc}", file=sys.stderr)
        return 2

    def ready(ports: Ports) -> None:
        print(f"ready native={ports.native} http={ports.http}", flush=True)

    limits = Limits(server_memory=args.memory, threads=args.threads)
    if args.clients:
        limits = replace(limits, clients=args.clients, reader_clients=max(1, args.clients * 5 // 6))
    if args.statements:
        limits = replace(limits, statements=args.statements, reader_statements=max(1, args.statements // 2))
    try:
        listen = {"host": args.host, "port": args.port, "http_port": args.http_port}
        serve(args.path, users, **listen, limits=limits, on_ready=ready, visitors=args.visitors)
    except (EngineError, OSError) as exc:
        print(f"embedded store at {args.path}: {exc}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the engine's own threads may outlive the interpreter's end and crash it
