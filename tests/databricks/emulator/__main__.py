"""Start the emulator: ``python -m emulator --folder DIR [--port N] [--gold DIR]``; prints the port when ready."""

from __future__ import annotations

import argparse
from pathlib import Path

from .server import Workspace, serve
from .warehouse import Warehouse, load_gold, start_spark


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description="A local stand-in for a Databricks workspace.")
    parser.add_argument("--folder", type=Path, required=True, help="where tables and jar lie")
    parser.add_argument("--port", type=int, default=0, help="port on the loopback address; 0 takes a free one")
    parser.add_argument("--gold", type=Path, help="folder of <table>.parquet to load into schema gold")
    parser.add_argument("--memory", default="3g", help="memory of Spark (default 3g: plans, not rows)")
    parser.add_argument("--partitions", type=int, default=1, help="partitions of a shuffle (default 1: small gold)")
    parser.add_argument("--file-mb", type=int, default=1024, help="largest file that OPTIMIZE writes (default 1024)")
    parser.add_argument("--large", action="store_true", help="for millions of rows: both compilers of the JVM")
    arguments = parser.parse_args()
    sizes = (arguments.memory, arguments.partitions, arguments.file_mb, arguments.large)
    warehouse = Warehouse(start_spark(arguments.folder.resolve(), *sizes))
    if arguments.gold:
        load_gold(warehouse, arguments.gold)
    server = serve(Workspace(warehouse), arguments.port)
    print(f"ready on port {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
