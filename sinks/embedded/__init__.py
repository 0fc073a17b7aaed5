"""The embedded store: chDB behind ClickHouse's native protocol and HTTP, in a process of its own."""
