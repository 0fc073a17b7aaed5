"""Rules of the local broker's life."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from domain.errors import Refused
from ops.kafka_local import LocalBroker

PARENT = """
import os, sys, time
from pathlib import Path
from ops.kafka_local import LocalBroker
broker = LocalBroker(Path(sys.argv[1]), environ=os.environ, heap="256m")
broker.start()
print(broker.pid, flush=True)
time.sleep(600)
"""


def broker(data: Path) -> LocalBroker:
    return LocalBroker(data, environ=os.environ, heap="256m", say=lambda _: None)


def topics(bootstrap: str) -> list[str]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return list(admin.list_topics())
    finally:
        admin.close()


def test_a_restart_keeps_ports_and_data_and_moves_when_a_port_is_taken(tmp_path: Path) -> None:
    running = broker(tmp_path)
    first = running.start()
    try:
        assert first.startswith("127.0.0.1:")
        admin = KafkaAdminClient(bootstrap_servers=first)
        admin.create_topics({"kept": {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        with pytest.raises(Refused, match="another process runs Kafka"):
            broker(tmp_path).start()
        running.stop()
        assert not running.alive()
        assert running.start() == first
        running.stop()
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", int(first.split(":")[1])))
            taken.listen()
            second = running.start()
        assert second != first
        assert topics(second) == ["kept"]
    finally:
        running.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")
def test_the_broker_ends_with_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline
