"""Makes the FigureContext of one request: a store client, the active generation, the clock, the caller's units."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.access import Principal
from api.feed import Store
from api.figures.context import FigureContext
from api.figures.kept import Kept
from api.services import Services


class Contexts:
    """Callable as `Services.context`; holds the pool that the clients come from."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept = Kept()

    @contextmanager
    def __call__(self, services: Services, principal: Principal) -> Iterator[FigureContext]:
        """For one thread and one request; Unavailable when the store is away or no generation is active."""
        moment = services.moments.current()
        with self._store.client() as client:
            yield FigureContext(
                client=client,
                generation=moment.vector.generation,
                zone=services.zone,
                root=services.config.root,
                now=services.now(moment),
                scope=principal.units or None,
                complete_to=dict(enumerate(moment.vector.events)),
                kept=self._kept,
                opened=services.edge.opened,
                shared=True,
            )
