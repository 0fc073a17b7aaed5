"""How Kafka is reached: one frozen value that `ops` fills in and everything else is handed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka.errors import (
    AuthorizationError,
    KafkaConfigurationError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from domain.errors import Refused, Unavailable
from eventlog.foreign_headers import read_any_header

read_any_header()  # here, because whoever reads the log has been handed a KafkaConfig


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Addresses ('host:port', comma-separated), credentials, and a prefix that keeps tests apart."""

    bootstrap: str
    prefix: str = ""
    security_protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    connect_timeout_ms: int = 5_000
    cold: str = ""
    """The address of cold storage that holds what Kafka holds no more; empty: none."""
    cold_first: bool = False
    """Whether what cold storage holds is read from there though Kafka has it, too."""

    def archived(self, topic: str) -> str:
        """The plain name of a log that cold storage may hold, '' for other topics and without cold storage."""
        names = {self.events: "dossier-events", self.alerts: "alert-log"}
        return names.get(topic, "") if self.cold else ""

    @property
    def events(self) -> str:
        """The topic of what happened."""
        return f"{self.prefix}dossier-events"

    @property
    def alerts(self) -> str:
        """The topic of what people and the notifier did."""
        return f"{self.prefix}alert-log"

    @property
    def changes(self) -> str:
        """The topic of what the fold derived."""
        return f"{self.prefix}dossier-changes"

    @property
    def checkpoints(self) -> str:
        """The topic of signed checkpoints."""
        return f"{self.prefix}seal-checkpoints"

    def client(self) -> dict[str, Any]:
        """The keyword arguments that every kafka-python client takes."""
        return {
            "bootstrap_servers": self.bootstrap.split(","),
            "bootstrap_timeout_ms": self.connect_timeout_ms,
            "reconnect_backoff_max_ms": 1_000,
            "security_protocol": self.security_protocol,
            "sasl_mechanism": self.sasl_mechanism,
            "sasl_plain_username": self.sasl_username,
            "sasl_plain_password": self.sasl_password,
            "ssl_cafile": self.ssl_cafile,
            "ssl_certfile": self.ssl_certfile,
            "ssl_keyfile": self.ssl_keyfile,
        }


@contextmanager
def kafka_errors(doing: str) -> Iterator[None]:
    """Turns kafka-python's errors into ours: Refused where a person must act, else Unavailable (retry)."""
    try:
        yield
    except (AuthorizationError, KafkaConfigurationError) as error:
        raise Refused(
            f"{doing}: Kafka refuses ({_first_line(error)}); check its address and credentials"
        ) from error
    except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
        raise Refused(f"{doing}: the position is outside the log; it was cut or replaced") from error
    except (KafkaError, OSError) as error:
        raise Unavailable(f"{doing}: Kafka does not answer ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
