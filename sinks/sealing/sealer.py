"""The sealer: reads both logs, grows their trees, and signs checkpoints that outsiders hold.

It signs only what continues what outsiders hold already. Where that cannot be shown it stops, and health is red:
either the log was changed, or the copy was, and a person has to find out which.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime

from domain.errors import Refused, Unavailable
from domain.instants import format_rfc3339
from domain.merkle import root_of
from domain.seals import Checkpoint, Close, Signed, TreeHead, write_checkpoint
from eventlog.reader import LogReader, Record
from eventlog.seals import SealTopic
from eventlog.topics import read_log_id
from sinks.sealing.chain import CheckpointFile, check_first, check_next
from sinks.sealing.config import SealConfig
from sinks.sealing.helper import Helper, Start, worth
from sinks.sealing.keys import SigningKeys, is_signed, load_keys, take_over
from sinks.sealing.leaves import made_of, value_hash
from sinks.sealing.mail import mail_root
from sinks.sealing.marks import Mark, Marks, beyond
from sinks.sealing.outside import FileHolder, Holder, HttpHolder, tree_folder
from sinks.sealing.published import Published
from sinks.sealing.state import SealState
from sinks.sealing.tiles import TreeReader

log = logging.getLogger("gs766.sealer")

LOGS = ("dossier-events", "alert-log")
_SLICE = 200
"""Records a read. Each read waits for the Kafka client's own thread, so that many small ones cost the clock."""


def run(config: SealConfig, stop: threading.Event) -> None:
    """Seals until `stop` is set. Raises Refused when history does not continue, Unavailable when Kafka is away."""
    with closing(_Sealer(config)) as sealer:
        while not stop.is_set():
            sealer.step()
        sealer.finish()


class _Sealer:
    """One run over one folder."""

    def __init__(self, config: SealConfig) -> None:
        self._config = config
        self._state = SealState(config.folder, config.zone)
        self._marks = Marks(self._state, config.every_events)
        self._helper: Helper | None = None
        self._silent = set(LOGS)
        """Logs that gave nothing since the last checkpoint."""
        try:
            self._chain = CheckpointFile(config.checkpoints)
            self._last = self._chain.last()
            names = dict(zip(LOGS, (config.kafka.events, config.kafka.alerts), strict=True))
            self._readers = {log_name: LogReader(config.kafka, topic) for log_name, topic in names.items()}
            self._next: dict[str, dict[int, int]] = {}
            log_ids = {log_name: read_log_id(config.kafka, topic) for log_name, topic in names.items()}
            for log_name in LOGS:
                self._open(log_name, log_ids[log_name])
            self._holders = holders_of(config, log_ids[LOGS[0]])
            self._held: dict[str, Signed | None] = {}
            self._published = Published(config, SealTopic(config.kafka))
            self._signed_at = time.monotonic()
            self._adopt(log_ids)
            self._check_key()
            self._helper = self._second_process()
        except BaseException:
            self._state.close()
            raise

    def _open(self, name: str, log_id: str) -> None:
        """A log's partitions where they were left; its last sealed record must still stand there."""
        reader = self._readers[name]
        ends = reader.end_offsets()
        self._next[name] = {}
        for partition in reader.partitions():
            part = self._state.open((name, partition), log_id)
            at = part.place.offset
            if at > ends[partition]:
                raise Refused(
                    f"{name} partition {partition} ends at offset {ends[partition]}, sealed is up to {at}: the "
                    "log was cut short; restore it from a backup"
                )
            last = reader.read_one(partition, at - 1) if at else None
            if at and (last is None or value_hash(last.value) != part.place.record_hash):
                raise Refused(
                    f"{name} partition {partition} offset {at - 1} is not the record that was sealed there: the "
                    "log was changed; run gs766 verify, restore it from a backup"
                )
            self._next[name][partition] = at

    def _adopt(self, log_ids: Mapping[str, str]) -> None:
        """Takes over what the outside copy holds beyond ours (our folder was restored or lost)."""
        for holder in self._holders:
            if isinstance(holder, FileHolder):
                if self._last is None:
                    self._check_log(holder, log_ids)
                number = self._last.checkpoint().number if self._last is not None else 0
                for signed in holder.file.after(number):
                    check_next(self._last, signed) if self._last is not None else check_first(signed)
                    self._chain.append(signed)
                    self._last = signed

    def _check_log(self, holder: FileHolder, log_ids: Mapping[str, str]) -> None:
        """A copy that speaks of other logs than ours, where ours have no checkpoint yet: they were begun anew in
        the place of those. Only a demonstration may do that unasked."""
        held = holder.last()
        if held is None or all(t.log_id == log_ids.get(t.log) for t in held.checkpoint().trees):
            return
        aside = holder.file.path.with_name(f"{holder.file.path.name}.of-{held.hash[:8]}")
        if self._config.may_begin_anew:
            holder.file.path.replace(aside)
            log.info("the copy %s was of another log and lies in %s now", holder.name, aside.name)
            return
        raise Refused(
            f"the outside copy {holder.name} holds {held.checkpoint().number} checkpoints of another log, the "
            f"last of {held.checkpoint().time}: the logs here were begun anew, or taken away. If that was meant, "
            f"put the copy aside: mv '{holder.name}' '{aside}'; if not, restore the logs from a backup"
        )

    def _check_key(self) -> None:
        """The first key is made here and not with the first checkpoint, so that a copy of the keys that is taken
        before it has the key too; never in place of one that our checkpoints name."""
        path = self._config.key_file
        if self._last is None:
            load_keys(path)
        elif not path.exists():
            raise Refused(
                f"the signing keys {path} are not there, which checkpoint {self._last.checkpoint().number} was "
                "signed with: restore the file from where keys are kept"
            )

    # ---- taking

    def _second_process(self) -> Helper | None:
        """Help with the log of events while much of it is not sealed."""
        ends, at = self._readers[LOGS[0]].end_offsets(), self._next[LOGS[0]]
        parts = {p: self._state.part((LOGS[0], p)) for p in at}
        starts = worth({p: Start(at[p], ends[p], part.known_at) for p, part in parts.items()})
        if not starts:
            return None
        return Helper(self._config.kafka, self._config.kafka.events, parts[min(at)].log_id, starts)

    def step(self) -> None:
        """Takes what is there, and signs when it is time."""
        taken = self._take_ready()
        for name in LOGS:  # while events come, the other log is heard before each signature
            if name == LOGS[0] or not taken:
                taken += self._take(name, 0 if taken or self._helper is not None else 200)
        if not taken and self._helper is not None:
            taken = self._take_made(200)
        at_rest = not taken and self._helper is None
        if at_rest:
            self._close_days()
        asked = self._config.close_request.exists()
        if asked and at_rest:
            self._state.close_days(None)
        since = time.monotonic() - self._signed_at
        waited = since >= self._config.every_seconds
        new = self._state.taken() > 0 or bool(self._state.closes)
        full = self._marks.due and since >= self._config.pause_seconds
        if full or (new and (waited or (asked and at_rest))):
            self._hear_all()
            self.sign()
        if asked and at_rest:
            self._config.close_request.unlink(missing_ok=True)
        if waited:
            self._signed_at = time.monotonic()
            self._published.catch_up(self._chain)

    def _take(self, name: str, wait_ms: int) -> int:
        """Takes what a log has, but for the partitions that the second process reads."""
        theirs = self._helper.partitions if self._helper is not None and name == LOGS[0] else ()
        positions = {p: offset for p, offset in self._next[name].items() if p not in theirs}
        records = self._readers[name].read_slice(positions, _SLICE, wait_ms)
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition, []).append(record)
        for partition, found in sorted(by_partition.items()):
            part = self._state.part((name, partition))
            portion = made_of(part.log_id, partition, part.known_at, found)
            self._marks.take((name, partition), portion, self._closing())
            self._next[name][partition] = found[-1].offset + 1
        if records:
            self._silent.discard(name)
        return len(records)

    def _take_ready(self) -> int:
        """As many portions of the second process as it has partitions, so that none waits for ours."""
        taken = 0
        for _ in self._helper.partitions if self._helper is not None else ():
            found = self._take_made()
            if not found:
                break
            taken += found
        return taken

    def _take_made(self, wait_ms: int = 0) -> int:
        """Takes what the second process has made of a log; lets it go when there is no more."""
        if self._helper is None:
            return 0
        portion = self._helper.take(wait_ms)
        if portion is None:
            self._helper.close()
            self._helper = None
            return 0
        if portion.made:
            self._silent.discard(LOGS[0])
            self._marks.take((LOGS[0], portion.partition), portion, self._closing())
            self._next[LOGS[0]][portion.partition] = portion.made[-1].offset + 1
        return len(portion.made)

    def _closing(self) -> int:
        return self._config.zone.day(int(time.time() * 1000)) - 1

    def _hear_all(self) -> None:
        """A log that gave nothing since the last checkpoint is waited for where it has something: what is read
        without waiting comes late, and a checkpoint is to cover all that was there."""
        for name in [n for n in LOGS if n in self._silent]:
            ends = self._readers[name].end_offsets()
            until = time.monotonic() + 2
            while time.monotonic() < until and any(self._next[name][p] < end for p, end in ends.items()):
                self._take(name, 200)
        self._silent = set(LOGS)

    def _close_days(self) -> None:
        """Ended days are closed some time after midnight even when nothing new comes."""
        now = time.time() - self._config.close_after_seconds
        self._state.close_days(self._config.zone.day(int(now * 1000)))

    def finish(self) -> None:
        """Signs what was taken before an orderly end."""
        if self._state.taken() or self._state.closes:
            self.sign()

    # ---- signing

    def sign(self) -> None:
        """Commits what was taken and signs the checkpoints over it, if they continue what outsiders hold."""
        self._state.commit()
        marks = self._marks.all()
        heads = marks[-1].heads
        reached = [holder for holder in self._holders if self._agrees(holder, heads)]
        if self._last is not None:
            if not self._reached(self._last, heads):
                return
            marks = beyond(marks, self._last.checkpoint().trees)
        keys = load_keys(self._config.key_file)
        now = format_rfc3339(int(datetime.now(UTC).timestamp() * 1000))
        new: list[Signed] = []
        for mark in marks:
            new.append(self._make(new[-1] if new else self._last, keys, mark, now))
        self._chain.append(*new)
        before, self._last = self._last, new[-1]
        self._state.told()
        self._signed_at = time.monotonic()
        if keys.next is not None:
            take_over(self._config.key_file)
        for holder in reached:
            self._give(holder, new, before)
        self._published.catch_up(self._chain, new)
        for signed in new:
            mail_root(self._config, signed)

    def _make(self, before: Signed | None, keys: SigningKeys, mark: Mark, now: str) -> Signed:
        last = before.checkpoint() if before is not None else None
        if last is not None and keys.key not in last.keys:
            raise Refused(
                f"the signing key {keys.key[:16]}… is not one that checkpoint {last.number} names: a key file was "
                "replaced; restore it from where keys are kept"
            )
        known = last.keys if last is not None else ()
        checkpoint = Checkpoint(
            number=last.number + 1 if last is not None else 1,
            time=now,
            previous=before.hash if before is not None else "",
            trees=mark.heads,
            closes=tuple(c for c in mark.closes if not _is_told(c, last)),
            key=keys.key,
            keys=(*known, *(k for k in keys.public if k not in known)),
        )
        body = write_checkpoint(checkpoint)
        return Signed(body, keys.sign(body.encode()))

    def _agrees(self, holder: Holder, heads: Sequence[TreeHead]) -> bool:
        """Whether the holder was asked and what it holds is the beginning of what we have.

        Refused when it is not; False when it could not be asked and need not be.
        """
        try:
            held = holder.last()
        except Unavailable as error:
            if holder.required:
                raise Refused(f"{error}; nothing is signed without it") from error
            log.warning("%s; it gets the checkpoint later", error)
            return False
        if held is not None and held != self._held.get(holder.name):
            self._compare(holder, held, heads)
        elif held is None and self._held.get(holder.name) is not None:
            raise Refused(f"{holder.name} has lost the checkpoints it held: find out why before sealing goes on")
        self._held[holder.name] = held
        return True

    def _compare(self, holder: Holder, held: Signed, heads: Sequence[TreeHead]) -> None:
        found = held.checkpoint()
        if not is_signed(found.key, held.signature, held.body.encode()):
            raise Refused(f"{holder.name} holds a checkpoint {found.number} that is not rightly signed")
        ours = self._chain.find(found.number)
        if ours is None or ours.hash != held.hash:
            raise Refused(
                f"{holder.name} holds another checkpoint {found.number} than ours: history was rewritten here or "
                "there; run gs766 verify"
            )
        self._reached(held, heads)

    def _reached(self, signed: Signed, heads: Sequence[TreeHead]) -> bool:
        """Whether our trees have got as far as the checkpoint's; Refused when they differ from them there."""
        sizes = {(head.log, head.partition): head for head in heads}
        whole = True
        for tree in signed.checkpoint().trees:
            ours = sizes.get((tree.log, tree.partition))
            if ours is None or ours.log_id != tree.log_id:
                raise Refused(f"checkpoint {signed.checkpoint().number} seals another {tree.log} than Kafka holds")
            if ours.size < tree.size:
                whole = False
                self._check_not_cut(tree)
            elif _root_at(self._config, ours, tree.size) != tree.root:
                raise Refused(
                    f"{tree.log} partition {tree.partition} is not what checkpoint {signed.checkpoint().number} "
                    "sealed: the log was changed; run gs766 verify, restore it from a backup"
                )
        return whole

    def _check_not_cut(self, tree: TreeHead) -> None:
        end = self._readers[tree.log].end_offsets([tree.partition])[tree.partition]
        if end < tree.offset:
            raise Refused(
                f"{tree.log} partition {tree.partition} ends at offset {end}, sealed was up to {tree.offset}: the "
                "log was cut short; restore it from a backup"
            )

    def _give(self, holder: Holder, new: Sequence[Signed], before: Signed | None) -> None:
        """Hands over the new checkpoints; to a file also those before them that it lacks (we were ended between
        our copy and it)."""
        held, given = self._held.get(holder.name), new
        if isinstance(holder, FileHolder) and held is not None and held != before:
            given = list(self._chain.after(held.checkpoint().number))
        try:
            cosigned = holder.give(given, held)
        except Unavailable as error:
            if holder.required:
                raise Refused(str(error)) from error
            log.warning("%s; it gets the next checkpoint", error)
            return
        self._held[holder.name] = new[-1]
        if cosigned is not None:
            self._published.cosigned(cosigned, new[-1])

    def close(self) -> None:
        """Releases everything; what was not signed is taken anew."""
        if self._helper is not None:
            self._helper.close()
        for reader in self._readers.values():
            with suppress(Exception):
                reader.close()
        self._published.close()
        self._state.close()


def _root_at(config: SealConfig, ours: TreeHead, size: int) -> str:
    if ours.size == size:
        return ours.root
    reader = TreeReader(tree_folder(config.folder / "trees", ours.log, ours.partition))
    try:
        return root_of(reader, size).hex()
    finally:
        reader.close()


def _is_told(close: Close, last: Checkpoint | None) -> bool:
    """Whether a close was told before: a folder that is sealed anew comes by old days again."""
    head = last.head(close.log, close.partition) if last is not None else None
    return head is not None and close.size < head.size


def holders_of(config: SealConfig, log_id: str) -> tuple[Holder, ...]:
    """All that hold checkpoints outside."""
    chain = CheckpointFile(config.checkpoints)
    witnesses = (HttpHolder(url.rstrip("/"), log_id, config.folder / "trees", chain) for url in config.push)
    return (FileHolder(config.outside), *witnesses)
