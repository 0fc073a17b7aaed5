"""Verification by sample: some records of every day, each held against the newest signed root by a proof."""

import random
from collections.abc import Iterator
from contextlib import closing
from uuid import UUID

from domain.instants import Day, Zone
from domain.merkle import inclusion_path, root_from_inclusion, root_of
from domain.seals import TreeHead, record_leaves
from eventlog.reader import LogReader
from sinks.sealing.config import SealConfig
from sinks.sealing.outcome import Goals, Progress, Report
from sinks.sealing.outside import tree_folder
from sinks.sealing.stored import StoredRecords
from sinks.sealing.tiles import RecordPlace, TreeReader

_TILE = 256


def verify_sample(config: SealConfig, goals: Goals, sample: int, report: Report, progress: Progress) -> None:
    """Checks `sample` records of each day of a partition, in Kafka and in the store."""
    head = goals.last
    log, partition = goals.key
    if not head.size:
        return
    tiles = TreeReader(tree_folder(config.folder / "trees", log, partition))
    topic = {"dossier-events": config.kafka.events, "alert-log": config.kafka.alerts}[log]
    with closing(tiles), LogReader(config.kafka, topic) as reader, closing(StoredRecords(config)) as stored:
        if root_of(tiles, head.size).hex() != head.root:
            report.differs(
                "chain",
                "the hashes kept do not lead to the signed root: verify without --sample",
                log=log,
                partition=partition,
            )
            return
        places = list(_drawn(tiles, head, sample, config.zone))
        written = stored.position(log, partition)
        for number, place in enumerate(places):
            record = reader.read_one(partition, place.offset)
            stands = stored.rows(log, partition, place.offset, place.offset + 1)
            copies = {"kafka": [(record.value, place.known_at)] if record is not None else []}
            if place.offset < written:  # what is newer is still on its way there
                copies["records"] = [(value, known_at) for _, known_at, value, _ in stands]
            for where, found in copies.items():
                if not found or not all(_is_sealed(tiles, head, place, known, value) for value, known in found):
                    report.differs(
                        where,
                        f"the record at offset {place.offset} is not what was sealed",
                        log=log,
                        partition=partition,
                        offset=place.offset,
                    )
                report.count(f"{where}_events", place.leaves)
            progress(f"sample: {log} {partition}", number + 1, len(places))


def _is_sealed(tiles: TreeReader, head: TreeHead, place: RecordPlace, known_at: int, value: bytes) -> bool:
    found = record_leaves(UUID(head.log_id).bytes, head.partition, place.offset, known_at, value)
    leaves = [leaf for _, leaf in found]
    if leaves != tiles.leaves(place.first_leaf, place.leaves):
        return False
    # A proof is worked out from all hashes of its tile: one for each tile vouches for every leaf in it.
    last = place.leaves - 1
    for n in {0, last, *range(_TILE - place.first_leaf % _TILE, last, _TILE)}:
        index = place.first_leaf + n
        root = root_from_inclusion(leaves[n], index, head.size, inclusion_path(tiles, index, head.size))
        if root is None or root.hex() != head.root:
            return False
    return True


def _drawn(tiles: TreeReader, head: TreeHead, sample: int, zone: Zone) -> Iterator[RecordPlace]:
    """Records drawn from every day, in order; the draw is not to be foreseen."""
    draw = random.SystemRandom()
    low, total = 0, tiles.records()
    while low < total:
        first = tiles.place(low, head.size)
        if first is None:
            return
        high = _first_after(tiles, low, total, zone.day(first.known_at), zone, head.size)
        for number in sorted(draw.sample(range(low, high), min(sample, high - low))):
            place = tiles.place(number, head.size)
            if place is not None:
                yield place
        low = high


def _first_after(tiles: TreeReader, low: int, high: int, day: Day, zone: Zone, size: int) -> int:
    while low < high:
        middle = (low + high) // 2
        place = tiles.place(middle, size)
        if place is not None and zone.day(place.known_at) <= day:
            low = middle + 1
        else:
            high = middle
    return low
