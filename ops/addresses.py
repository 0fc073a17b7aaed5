"""Where Kafka and the store are for a process: configured ones, else those of the stack on the data folder."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from domain.errors import Unavailable
from ops.settings import Settings
from ops.stack_file import PASSWORDS, Stack, read_secret, read_stack

if TYPE_CHECKING:
    from eventlog.config import KafkaConfig

T = TypeVar("T")


def kafka_config(settings: Settings) -> "KafkaConfig":
    """How Kafka is reached; Unavailable when none is configured and the stack's broker does not run."""
    from eventlog.config import KafkaConfig

    given = settings.kafka
    bootstrap = given.bootstrap or _of_stack(settings, "Kafka", lambda stack: stack.kafka)
    return KafkaConfig(
        bootstrap=bootstrap,
        prefix=given.prefix,
        security_protocol=given.security_protocol,
        sasl_mechanism=given.sasl_mechanism or None,
        sasl_username=given.sasl_username or None,
        sasl_password=given.sasl_password or None,
        ssl_cafile=given.ssl_cafile or None,
        ssl_certfile=given.ssl_certfile or None,
        ssl_keyfile=given.ssl_keyfile or None,
        cold=given.cold,
        cold_first=given.cold_first,
    )


def from_cold_storage(settings: Settings, address: str) -> Settings:
    """The same installation, its logs read from cold storage as far as that goes, the rest from Kafka."""
    return replace(settings, kafka=replace(settings.kafka, cold=address, cold_first=True))


def store_target(settings: Settings, user: Literal["writer", "reader"]) -> dict[str, Any]:
    """The parameters with which `sinks.clickhouse.connect` reaches the store as one of its two users.

    Unavailable when no server is configured and the stack's store does not run.
    """
    given = settings.clickhouse
    if given.host:
        named = {"writer": given.writer, "reader": given.reader}
        passwords = {"writer": given.writer_password, "reader": given.reader_password}
        return {
            "host": given.host,
            "port": given.port,
            "secure": given.secure,
            "user": named[user],
            "password": passwords[user],
            "database": given.database,
        }
    port = _of_stack(settings, "the store", lambda stack: stack.store_port)
    passwords = read_secret(settings.data, PASSWORDS) or {}
    if user not in passwords:
        raise Unavailable(f"the store's passwords in {settings.data}/secrets cannot be read")
    return {
        "host": "127.0.0.1",
        "port": port,
        "user": user,
        "password": passwords[user],
        "database": given.database,
    }


def store_url(target: dict[str, Any]) -> str:
    """The same as an address, for what takes one line: clickhouse://user:password@host:port/database."""
    from urllib.parse import quote

    scheme = "clickhouses" if target.get("secure") else "clickhouse"
    user, password = quote(target["user"], safe=""), quote(target["password"], safe="")
    return f"{scheme}://{user}:{password}@{target['host']}:{target['port']}/{target['database']}"


def _of_stack(settings: Settings, what: str, pick: Callable[[Stack], T]) -> T:
    stack = read_stack(settings.data)
    found = pick(stack) if stack else None
    if not found:
        raise Unavailable(f"{what} does not run on {settings.data}: start it with `gs766 up`")
    return found
