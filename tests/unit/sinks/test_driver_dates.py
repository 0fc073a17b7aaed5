"""The driver makes dates when they are asked for: a table of four centuries cost every process 20 MB."""

import subprocess
import sys

ASK = """
import sinks.clickhouse
from datetime import date
from clickhouse_driver.columns.datecolumn import _date_lut as days, _date_lut_reverse as numbers
assert not days and not numbers, len(days)
ends = {date(1900, 1, 1): -25_567, date(1970, 1, 1): 0, date(2299, 12, 31): 120_529}
assert [numbers[day] for day in ends] == [*ends.values()]
assert [days[number] for number in ends.values()] == [*ends]
"""


def test_dates_are_made_on_demand_and_are_the_same() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
