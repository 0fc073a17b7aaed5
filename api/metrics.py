"""Counters and gauges for `/metrics`: every name stands here once, with one line that explains it."""

import threading
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

Name = Literal[
    "gs766_up",
    "gs766_health",
    "gs766_log_end_offset",
    "gs766_complete_to",
    "gs766_worker_lag_records",
    "gs766_writer_lag_records",
    "gs766_data_age_seconds",
    "gs766_generation",
    "gs766_intake_events_total",
    "gs766_intake_dropped_fields_total",
    "gs766_spooled_events",
    "gs766_spooled_bytes",
    "gs766_requests_total",
    "gs766_request_seconds_sum",
    "gs766_stream_clients",
    "gs766_stream_dropped_total",
    "gs766_act_failures_total",
]
Kind = Literal["counter", "gauge"]
METRICS: dict[Name, tuple[Kind, str]] = {
    "gs766_up": ("gauge", "1 while this API answers."),
    "gs766_health": ("gauge", "0 green, 1 amber, 2 red, by part; part=all is the worst."),
    "gs766_log_end_offset": ("gauge", "Offset that the next record of dossier-events gets, by partition."),
    "gs766_complete_to": ("gauge", "Last offset whose rows can all be queried, by partition."),
    "gs766_worker_lag_records": ("gauge", "Records of dossier-events not yet in the figures, by partition."),
    "gs766_writer_lag_records": ("gauge", "Records of the raw logs not yet in the store, by topic and partition."),
    "gs766_data_age_seconds": ("gauge", "Age of the newest record that the figures hold."),
    "gs766_generation": ("gauge", "The active generation of derived rows."),
    "gs766_intake_events_total": ("counter", "Events received, by status: accepted, duplicate, rejected."),
    "gs766_intake_dropped_fields_total": ("counter", "Fields that the allow-list dropped."),
    "gs766_spooled_events": ("gauge", "Accepted events that wait on disk for Kafka."),
    "gs766_spooled_bytes": ("gauge", "Bytes of the spool in use."),
    "gs766_requests_total": ("counter", "Requests answered, by route and status class."),
    "gs766_request_seconds_sum": ("counter", "Seconds spent answering, by route."),
    "gs766_stream_clients": ("gauge", "Open event streams."),
    "gs766_stream_dropped_total": ("counter", "Event streams ended because the client did not keep up."),
    "gs766_act_failures_total": ("counter", "Acts (reads, keys) that could not be recorded in the alert log."),
}
assert set(METRICS) == set(get_args(Name))
Labels = tuple[tuple[str, str], ...]
Sample = tuple[Name, Labels, float]


class Counters:
    """Numbers that only grow, counted from any thread."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._values: dict[tuple[Name, Labels], float] = {}

    def add(self, name: Name, value: float = 1.0, **labels: str) -> None:
        """Adds to one counter; labels come from closed lists, never from requests' text."""
        key = (name, tuple(sorted(labels.items())))
        with self._mutex:
            self._values[key] = self._values.get(key, 0.0) + value

    def samples(self) -> list[Sample]:
        """All values now."""
        with self._mutex:
            return [(name, labels, value) for (name, labels), value in self._values.items()]


def sample(name: Name, value: float, labels: Mapping[str, object] | None = None) -> Sample:
    """A gauge's value."""
    return name, tuple((key, str(found)) for key, found in (labels or {}).items()), value


def render(samples: Iterable[Sample]) -> str:
    """The text exposition format 0.0.4, grouped by metric in the table's order."""
    by_name: dict[Name, list[Sample]] = {}
    for found in samples:
        by_name.setdefault(found[0], []).append(found)
    lines: list[str] = []
    for name, (kind, explanation) in METRICS.items():
        if name not in by_name:
            continue
        lines += [f"# HELP {name} {explanation}", f"# TYPE {name} {kind}"]
        for _, labels, value in sorted(by_name[name]):
            text = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels)
            lines.append(f"{name}{{{text}}} {value:.17g}" if text else f"{name} {value:.17g}")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
