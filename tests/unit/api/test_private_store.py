"""The private file is opened by several parts at once, at the first start, too."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from api.alerts.private import PrivateStore, Webhook


def test_parts_that_open_a_new_file_at_the_same_time_all_find_it_whole(tmp_path: Path) -> None:
    parts = 6

    def opened(path: Path, together: threading.Barrier) -> tuple[Webhook, ...]:
        together.wait(10)
        return PrivateStore(path).webhooks()

    with ThreadPoolExecutor(parts) as pool:
        for n in range(10):
            together = threading.Barrier(parts)
            asked = [pool.submit(opened, tmp_path / f"{n}.sqlite", together) for _ in range(parts)]
            assert [one.result() for one in asked] == [()] * parts
