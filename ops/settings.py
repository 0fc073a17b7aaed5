"""The one frozen value that says how this installation runs; read once, passed down.

Precedence: command line, then GS766_* environment, then `<data>/settings.toml`, then the defaults below.
What the log is built upon (time zone, root unit, number of partitions) is written into settings.toml at the
first start, and a later different value is refused.
"""

import dataclasses
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput, Refused
from domain.instants import DEFAULT_ZONE, Zone, zone
from domain.periods import parse_instant

DEFAULT_DATA = "data"
DEMO_DATA = "demo-data"
DEFAULT_PORT = 8766
FILE = "settings.toml"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """An existing Kafka; with an empty `bootstrap` the stack runs its own broker on loopback."""

    bootstrap: str = ""
    prefix: str = ""
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_cafile: str = ""
    ssl_certfile: str = ""
    ssl_keyfile: str = ""
    cold: str = ""
    """The address of cold storage that holds what Kafka holds no more; empty: Kafka holds everything."""
    cold_first: bool = False
    """Whether what cold storage holds is read from there though Kafka has it, too."""


@dataclass(frozen=True, slots=True)
class ClickHouseSettings:
    """An existing ClickHouse server; with an empty `host` the stack runs the embedded store on loopback."""

    host: str = ""
    port: int = 9000
    secure: bool = False
    database: str = "gs766"
    writer: str = "writer"
    writer_password: str = field(default="", repr=False)
    reader: str = "reader"
    reader_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SealSettings:
    """How both logs are sealed, and who holds the seals outside the data folder."""

    outside: str = ""
    """A file for a copy of every checkpoint, best on another machine; empty: in the user's state folder."""
    key_file: str = ""
    """The keys that sign; empty: in `<data>/keys`."""
    push: str = ""
    """Addresses of witnesses (`gs766 witness`), comma-separated."""
    mail: str = field(default="", repr=False)
    """An Apprise address that gets the root of each day."""
    every_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Settings:
    """How one data folder is served. Ports are numbers, times of day are the province's."""

    data: Path
    clock: str = "wall"
    """`wall`, `log`, or an instant ('2026-08-31T17:00') at which the clock stands."""
    host: str = "127.0.0.1"
    """The address on which the API listens."""
    port: int = DEFAULT_PORT
    port_given: bool = False
    """Whether a person chose the port: a chosen port that is taken is an error, the default one gives way."""
    api: str = ""
    """The address of an API that runs elsewhere; empty: the one that runs on this data folder."""
    api_key: str = field(default="", repr=False)
    time_zone: str = DEFAULT_ZONE
    root: str = "H44"
    """The code of the registered unit at the top."""
    partitions: int = 4
    indicator_set: str = ""
    """The set used where none is asked for; empty: the one valid at the period."""
    demo: bool = False
    """Whether this is the folder of a demonstration: simulated time, nobody is told anything."""
    identifier_keys: str = ""
    """The file with the keys that hash identifiers, best outside data and backups; empty: in `<data>/keys`."""
    applicants: bool = False
    """Whether applicants' identifiers are kept as keyed hashes, which links their dossiers; a province decides."""
    watch: str = ""
    """A folder whose new files are imported by themselves (the part `watch`); empty: none."""
    watch_mapping: str = ""
    """The mapping of the spreadsheets in it; empty: what the common lists know."""
    snapshots: str = ""
    """Where workers keep snapshots of state, best a share that all of them reach; empty: `<data>/snapshots`."""
    snapshot_minutes: int = 15
    """How often a partition's state is copied there; 0: never."""
    delivery: str = ""
    """The file that says how messages leave (mail server, gateways); empty: `<data>/delivery.toml`."""
    apology_template: str = ""
    """The Word form (.docx) that Mẫu 04 is made from; empty: ours."""
    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    seal: SealSettings = SealSettings()

    @property
    def zone(self) -> Zone:
        """The province's time zone."""
        return zone(self.time_zone)

    @property
    def identifier_key_file(self) -> Path:
        """Where the keys that hash identifiers are kept."""
        if self.identifier_keys:
            return Path(self.identifier_keys).expanduser().absolute()
        return self.data / "keys" / "identifiers.json"

    @property
    def snapshot_folder(self) -> Path | None:
        """Where snapshots of state are kept; None when none are."""
        if not self.snapshot_minutes:
            return None
        return Path(self.snapshots).expanduser().absolute() if self.snapshots else self.data / "snapshots"

    def folder(self, name: str) -> Path:
        """A folder of the data folder; not made here."""
        return self.data / name

    def to_environment(self) -> dict[str, str]:
        """The GS766_* variables under which another process reads the same plain settings.

        Secrets are left out: they stand in the environment or in files already.
        """
        named = {"GS766_DATA": str(self.data)}
        for name in (
            "clock",
            "host",
            "port",
            "time_zone",
            "root",
            "partitions",
            "indicator_set",
            "demo",
            "snapshots",
            "snapshot_minutes",
        ):
            named[_variable(name)] = str(getattr(self, name))
        return named


SECTIONS: Mapping[str, type[Any]] = {
    "kafka": KafkaSettings,
    "clickhouse": ClickHouseSettings,
    "seal": SealSettings,
}
NOT_IN_FILES = frozenset({"data", "port_given", *SECTIONS})
RECORDED = ("time_zone", "root", "partitions")
"""Settings that the log and its rows are built upon."""


def load(
    environ: Mapping[str, str], data: Path | None = None, default_data: str = DEFAULT_DATA, **given: Any
) -> Settings:
    """The settings of a data folder. `given` are the command line's values, None where nothing was said.

    InvalidInput names every unusable or unknown value and where it stands; Refused says that a recorded
    setting was given another value.
    """
    folder = (data or Path(environ.get("GS766_DATA") or default_data)).expanduser().absolute()
    stored = dict(_read_file(folder / FILE))
    wanted = {**_read_environment(environ), **{k: v for k, v in given.items() if v is not None}}
    for name in RECORDED:
        if name in stored and name in wanted and str(stored[name]) != str(wanted[name]):
            raise Refused(_recorded_otherwise(name, stored[name], wanted[name], folder))
    values = {**stored, **wanted}
    sections = {name: kind(**_of_section(values, name)) for name, kind in SECTIONS.items()}
    plain = {name: value for name, value in values.items() if "." not in name}
    settings = Settings(data=folder, port_given="port" in values, **plain, **sections)
    _check(settings)
    return settings


def record(settings: Settings) -> None:
    """Writes the recorded settings that settings.toml lacks, above what it holds; the rest stays as it is."""
    path = settings.data / FILE
    stored = dict(_read_file(path))
    missing = [name for name in RECORDED if name not in stored]
    if not missing:
        return
    settings.data.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {_toml(getattr(settings, name))}\n" for name in missing]
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    fresh = path.with_suffix(".part")
    fresh.write_text("".join(lines) + ("\n" + old if old else ""), encoding="utf-8")
    fresh.rename(path)


def _recorded_otherwise(name: str, stored: Any, wanted: Any, folder: Path) -> str:
    what = {
        "time_zone": "every day and month was counted in it: changing it means a rebuild. Change it in "
        f"{folder / FILE} and run `gs766 rebuild`",
        "root": "every unit without a parent hangs from it: changing it means a rebuild. Change it in "
        f"{folder / FILE} and run `gs766 rebuild`",
        "partitions": "the log was made with it: another number needs a new log and a migration",
    }[name]
    return f"{name} is {stored} in {folder}, not {wanted}; {what}"


def _check(settings: Settings) -> None:
    _ = settings.zone
    if settings.clock not in ("wall", "log"):
        try:
            parse_instant(settings.clock, settings.zone)
        except InvalidInput as error:
            raise InvalidInput(f"the clock is wall, log or an instant: {error}") from error
    if not 0 <= settings.port <= 65535:
        raise InvalidInput(f"{settings.port} is not a port: give a number up to 65535")
    if settings.partitions < 1:
        raise InvalidInput("the log needs at least one partition")
    if not settings.root:
        raise InvalidInput("the root unit needs a code, for example H44")


# --- where values come from ---


def _known() -> Iterator[tuple[str, Any]]:
    """Every setting that files and environment may hold: its dotted name and its default."""
    for spec in dataclasses.fields(Settings):
        if spec.name not in NOT_IN_FILES:
            yield spec.name, spec.default
    for section, kind in SECTIONS.items():
        for spec in dataclasses.fields(kind):
            yield f"{section}.{spec.name}", spec.default


def _variable(name: str) -> str:
    return "GS766_" + name.upper().replace(".", "_")


def _read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, default in _known():
        variable = _variable(name)
        if environ.get(variable):
            found[name] = _convert(environ[variable], default, variable)
    return found


def _read_file(path: Path) -> Iterator[tuple[str, Any]]:
    """The dotted names and values of a settings.toml; nothing when there is none."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not readable as TOML: {error}") from error
    defaults = dict(_known())
    unknown = []
    for name, value in _flat(document):
        if name not in defaults:
            unknown.append(name)
        else:
            yield name, _convert(value, defaults[name], f"{name} in {path}")
    if unknown:
        raise InvalidInput(f"{path} has settings that are not known: {', '.join(unknown)}; known: {_list()}")


def _flat(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _list() -> str:
    return ", ".join(name for name, _ in _known())


def _of_section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = f"{section}."
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}


_WORDS: Mapping[str, bool] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def _convert(value: Any, default: Any, where: str) -> Any:
    """A value of the default's type; text is read, anything else must have the type already."""
    if isinstance(value, type(default)) and not (isinstance(value, bool) and not isinstance(default, bool)):
        return value
    readers: dict[type, Callable[[str], Any]] = {int: int, bool: lambda text: _WORDS[text.lower()]}
    try:
        if isinstance(value, str) and type(default) in readers:
            return readers[type(default)](value)
    except (ValueError, KeyError):
        pass
    kinds = {int: "a whole number", bool: "true or false", str: "text"}
    raise InvalidInput(f"{where} must be {kinds[type(default)]}, not {value!r}")


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
