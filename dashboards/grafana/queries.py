"""Every SQL statement of the Grafana panels, in one place.

They give the figures of the API: the active generation only, FINAL everywhere, the portal's rule (766), and for
the current month the short form of "now" (decisions 13: what is late later today is taken off again). Facts that
lie ahead of now are not looked for, as the API does. Grafana's `month` variable is the only thing that comes from
outside, quoted by Grafana itself.
"""

from dataclasses import dataclass

from domain.instants import DEFAULT_ZONE
from domain.measures import FAMILIES

RULE_BIT = 1 << FAMILIES.index("766")
MONTH = "${month:sqlstring}"
"""How Grafana writes the chosen month, '2026-08', as a quoted string."""
AGES = (("1–3", 3), ("4–10", 10), ("11–30", 30), (">30", None))
"""Buckets of calendar days late, the day begun counted; the API's lists count working days."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a statement is written for: SQL texts of the present instant and of the month."""

    now: str = "now64(3)"
    month: str = MONTH
    zone: str = DEFAULT_ZONE

    @property
    def generation(self) -> str:
        """The active generation."""
        return "(SELECT generation FROM generations FINAL WHERE state = 'active' ORDER BY sequence DESC LIMIT 1)"

    def source(self, table: str, where: str = "1") -> str:
        """FROM and WHERE over a table of the fold."""
        return f"FROM {table} FINAL WHERE generation = {self.generation} AND ({where})"

    @property
    def today(self) -> str:
        """The present day in the province."""
        return f"toDate32(toTimeZone({self.now}, '{self.zone}'))"

    @property
    def start(self) -> str:
        """The month's first day."""
        return f"toDate32(concat({self.month}, '-01'))"

    @property
    def until(self) -> str:
        """The first day after what is counted: the next month's, or tomorrow in the current month."""
        return f"least(addMonths({self.start}, 1), addDays({self.today}, 1))"

    def midnight(self, day: str) -> str:
        """The instant at which a day begins."""
        return f"toDateTime64(concat(toString({day}), ' 00:00:00'), 3, '{self.zone}')"

    @property
    def end(self) -> str:
        """The instant up to which counts go."""
        return f"least({self.midnight(f'addMonths({self.start}, 1)')}, {self.now})"

    def days(self, where: str) -> str:
        """FROM and WHERE over what is booked for a unit on a day."""
        return self.source("unit_cells", f"grain = 'day' AND {where}")

    @property
    def names(self) -> str:
        """Units and their last registered names."""
        said = "JSONExtractArrayRaw(history)"
        last = f"arrayLast(h -> JSONExtractString(h, 4, 'name') != '', {said})"
        source = self.source("documents", "kind = 'unit'")
        return f"SELECT subject AS unit, JSONExtractString({last}, 4, 'name') AS name {source}"


IN_GRAFANA = Terms()


def months(t: Terms = IN_GRAFANA) -> str:
    """The months that have any booking up to now, newest first: the values of the variable."""
    source = t.days(f"day < addDays({t.today}, 1)")
    return f"SELECT DISTINCT formatDateTime(day, '%Y-%m') AS month {source} ORDER BY month DESC"


def by_unit(t: Terms = IN_GRAFANA) -> str:
    """Received, done, on time, late, open, open and late, by unit, in the month."""
    return f"""
SELECT unit, any(n.name) AS name, {_GROUP_B}
FROM ({_unit_sums(t)}) AS sums
LEFT JOIN ({t.names}) AS n USING unit
GROUP BY unit HAVING received != 0 OR open != 0 ORDER BY open_late DESC, unit"""


def province(t: Terms = IN_GRAFANA) -> str:
    """The same over all units, and the rate of group B."""
    return f"""
SELECT {_GROUP_B}, if(received = 0, NULL, (done_ok + open - open_late) / received) AS on_time_rate
FROM ({_unit_sums(t)}) AS sums"""


def shares(t: Terms = IN_GRAFANA) -> str:
    """Shares of dossiers accepted in the month: online of all, paid online of those with an obligation."""
    names = ("accepted", "acc_online", "acc_payable", "acc_paid_online")
    sums = ", ".join(f"sum(`{n}`) AS {n}_" for n in names)
    source = t.days(f"day >= {t.start} AND day < {t.until}")
    return f"""
SELECT accepted_ AS accepted, acc_online_ AS accepted_online, acc_payable_ AS payable,
       acc_paid_online_ AS paid_online,
       if(accepted = 0, NULL, accepted_online / accepted) AS online_share,
       if(payable = 0, NULL, paid_online / payable) AS payment_share
FROM (SELECT {sums} {source})"""


def trend(t: Terms = IN_GRAFANA) -> str:
    """By day of the month: accepted, finished, and open and late at the day's end (now, for today)."""
    ahead = f"late_from_766 >= {t.now} AND late_from_766 < {t.midnight(f'addDays({t.today}, 1)')}"
    return f"""
SELECT toDateTime(day, '{t.zone}') AS time, accepted, left_today AS finished,
       before + sum(late) OVER (ORDER BY day) - if(day = {t.today}, ahead, 0) AS open_late
FROM (
    SELECT day, sum(accepted) AS accepted, sum(`left`) AS left_today, sum(late_open_766) AS late
    {t.days(f"day >= {t.start} AND day < {t.until}")} GROUP BY day
) AS days
CROSS JOIN (SELECT sum(late_open_766) AS before {t.days(f"day < {t.start}")}) AS b
CROSS JOIN (SELECT count() AS ahead {t.source("open_dossiers", ahead)}) AS a
ORDER BY day"""


def overdue_by_unit(t: Terms = IN_GRAFANA) -> str:
    """Open and late now, by unit and by calendar days late."""
    late = f"dateDiff('day', toDate32(toTimeZone(late_from_766, '{t.zone}')), {t.today}) + 1"
    buckets, low = [], 0
    for name, top in AGES:
        bound = f"days > {low}" + ("" if top is None else f" AND days <= {top}")
        buckets.append(f"countIf({bound}) AS `{name}`")
        low = top or 0
    source = t.source("open_dossiers", f"accepted_at < {t.now} AND late_from_766 < {t.now}")
    return f"""
SELECT unit, any(n.name) AS name, count() AS overdue, {", ".join(buckets)},
       countIf(apology_at IS NULL) AS no_apology
FROM (SELECT unit, {late} AS days, apology_at {source}) AS late
LEFT JOIN ({t.names}) AS n USING unit
GROUP BY unit ORDER BY overdue DESC, unit"""


def due_today(t: Terms = IN_GRAFANA) -> str:
    """Open and due between now and midnight, by unit: what can still be saved today."""
    tomorrow = t.midnight(f"addDays({t.today}, 1)")
    where = f"accepted_at < {t.now} AND due_at >= {t.now} AND due_at < {tomorrow}"
    return f"""
SELECT unit, any(n.name) AS name, count() AS due_today
FROM (SELECT unit {t.source("open_dossiers", where)}) AS due
LEFT JOIN ({t.names}) AS n USING unit
GROUP BY unit ORDER BY due_today DESC, unit"""


def oldest(t: Terms = IN_GRAFANA) -> str:
    """The hundred dossiers that have been late longest."""
    source = t.source("open_dossiers", f"accepted_at < {t.now} AND late_from_766 < {t.now}")
    return f"""
SELECT dossier_code, unit, procedure, due_at, late_from_766 AS late_from, apology_at IS NOT NULL AS apology
{source} ORDER BY late_from, dossier_code LIMIT 100"""


_GROUP_B = """sum(received_) AS received, sum(open_) AS open, sum(open_late_) AS open_late,
    received - open AS done, sum(done_ok_) AS done_ok, done - done_ok AS done_late"""


def _unit_sums(t: Terms) -> str:
    """Rows of parts that add to group B's quantities by unit (measures.md): prefixes, the month's window, minus
    what was counted twice by re-opening, minus what becomes late later today."""
    within = f"day >= {t.start}"
    ahead = f"late_from_766 >= {t.end} AND late_from_766 < {t.midnight(t.until)}"
    last = "argMax(tuple(unit, ok, gone), version)"
    recalls = (
        f"SELECT tupleElement(last, 1) AS unit, tupleElement(last, 2) AS ok, tupleElement(last, 3) AS gone FROM ("
        f"SELECT dossier_code, out_at, in_at, {last} AS last {t.source('recalls', _recall_bounds(t))} "
        f"GROUP BY dossier_code, out_at, in_at)"
    )
    return f"""
    SELECT unit,
        toInt64(sum(entered) - sumIf(`left`, NOT ({within}))) AS received_,
        toInt64(sum(entered) - sum(`left`)) AS open_,
        toInt64(sum(late_open_766)) AS open_late_, toInt64(sumIf(left_ok_766, {within})) AS done_ok_
    {t.days(f"day < {t.until}")} GROUP BY unit
    UNION ALL
    SELECT unit, -toInt64(count()) AS received_, toInt64(0) AS open_, toInt64(0) AS open_late_,
        -toInt64(countIf(bitAnd(ok, {RULE_BIT}) != 0)) AS done_ok_
    FROM ({recalls}) WHERE NOT gone GROUP BY unit
    UNION ALL
    SELECT unit, toInt64(0) AS received_, toInt64(0) AS open_, -toInt64(count()) AS open_late_,
        toInt64(0) AS done_ok_
    {t.source("open_dossiers", ahead)} AND {t.until} > {t.today} GROUP BY unit"""


def _recall_bounds(t: Terms) -> str:
    return f"NOT stopped_open AND out_at >= {t.midnight(t.start)} AND in_at < {t.end}"
