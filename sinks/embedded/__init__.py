"""The embedded store: chDB behind ClickHouse's native protocol and HTTP, in a process of its own.

`server` listens; `connection` and `http` speak to a client each, both through a `session` of the `engine`;
`gate` counts what is inside. What clients can and cannot do here: docs/embedded-store.md.
"""
