"""The writer as a process of its own, for tests that kill it: configuration as JSON in the first argument."""

import json
import sys
import threading
from pathlib import Path

from eventlog.config import KafkaConfig
from sinks.writer import WriterConfig, run

if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    run(
        WriterConfig(
            kafka=KafkaConfig(given["bootstrap"], prefix=given["prefix"]),
            store=given["store"],
            database=given["database"],
            batch_bytes=given["batch_bytes"],
            health_file=Path(given["health_file"]),
        ),
        threading.Event(),
    )
