"""ClickHouse, whole: schema, writer, seals, the embedded store, and all SQL."""

import os

# The driver would else make an object for each day of four hundred years, twice, in every process that imports
# it: 0.2 s of processor time and 20 MB. (The driver spells the name so; what is no range means on demand.)
os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "on demand")
