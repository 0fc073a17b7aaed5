"""What the API is told at its start: one frozen value that `ops` fills in from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domain.instants import DEFAULT_ZONE
from eventlog.config import KafkaConfig
from eventlog.spool import QUOTA_BYTES
from sinks.sealing.config import SealConfig


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The store's address and the passwords of its two users; the API reads as `reader`."""

    host: str = "127.0.0.1"
    port: int = 9000
    database: str = "gs766"
    reader_password: str = field(default="", repr=False)
    writer_password: str = field(default="", repr=False)
    secure: bool = False
    """TLS to a store of one's own."""
    reader_user: str = "reader"
    writer_user: str = "writer"
    pool: int = 6
    """Connections at most; a request waits for a free one."""
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Everything that the API needs; paths are absolute, times in milliseconds."""

    kafka: KafkaConfig
    store: StoreConfig
    private: Path
    """The private SQLite file: key hashes, notes, recipients. Never in the log."""
    visitors: Path | None = None
    """The file in which the embedded store says who came past the API; None: a store of its own."""
    partitions: int = 4
    """Partitions of `dossier-events`, as recorded at the first start."""
    spool: Path | None = None
    spool_quota: int = QUOTA_BYTES
    imports: Path | None = None
    """The SQLite file that remembers what whole records said last, shared with imports; None: in memory only."""
    identifier_keys: Path | None = None
    """The file of the HMAC keys for identifiers, outside backups; without it identifiers are dropped."""
    applicants: bool = False
    """Whether applicants' identifiers are hashed and kept: dossiers of one person can be linked then."""
    zone: str = DEFAULT_ZONE
    root: str = "H44"
    clock: str = "wall"
    """`wall`, `log`, or an instant such as 2026-08-31T17:00:00+07:00."""
    default_set: str | None = None
    """The indicator set where a question names none; None: the one valid in the period."""
    demo: bool = False
    development_key: str | None = field(default=None, repr=False)
    """A token with all scopes for the machine's owner; None: none."""
    loopback_reads: bool = True
    """Whether a client on loopback without a key may read."""
    max_body_bytes: int = 16 * 1024 * 1024
    max_items: int = 10_000
    watch_ms: int = 200
    """How often the one watcher asks the store for new positions."""
    heartbeat_ms: int = 15_000
    probe_ms: int = 2_000
    """How old a probe of Kafka may be in answers of health."""
    stalled_ms: int = 60_000
    """A position behind its log that has not moved for so long is red."""
    delivery: Path | None = None
    """How messages leave (`alerts.delivery_settings`); the API checks receipts and links by it."""
    faults: Path | None = None
    """A folder in which other processes leave why they stopped, one text file each; health shows them."""
    writer_health: Path | None = None
    """The file in which the store's writer tells how it is (`sinks.writer_health`)."""
    disks: Mapping[str, Path] = field(default_factory=dict)
    """Folders of this installation, by what they are for: health tells when their disk is full."""
    seal: SealConfig | None = field(default=None, repr=False)
    """Where seals are kept and how records are read to prove them; None: nothing can be proven."""
    apology_template: Path | None = None
    """The province's own Word form of Mẫu 04; None: ours."""
    max_streams: int = 200
    """Clients of /v1/stream at once."""

    @property
    def deliver(self) -> bool:
        """Only the wall clock is the present; another must never send anything."""
        return self.clock == "wall"


def fixed_clock(config: ApiConfig) -> str | None:
    """The text of a fixed instant, None for `wall` and `log`."""
    return None if config.clock in ("wall", "log") else config.clock
