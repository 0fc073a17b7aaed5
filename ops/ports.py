"""Picking the port of the API: the asked one, or the next free one where nobody asked."""

import socket
from dataclasses import replace

from domain.errors import InvalidInput
from ops.settings import Settings

TRIES = 200


def with_free_port(settings: Settings) -> tuple[Settings, str]:
    """The settings with a port that can be had, and a sentence when it is not the usual one ('' else).

    InvalidInput when a person named a port that is taken.
    """
    if is_free(settings.host, settings.port):
        return settings, ""
    if settings.port_given:
        raise InvalidInput(f"port {settings.port} is taken: give another --port, or leave it out")
    for port in range(settings.port + 1, min(settings.port + TRIES, 65_536)):
        if is_free(settings.host, port):
            return replace(settings, port=port), f"port {settings.port} is taken: the API listens on {port}"
    raise InvalidInput(f"no port from {settings.port} on is free: give one with --port")


def is_free(host: str, port: int) -> bool:
    """Whether something could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
