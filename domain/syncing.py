"""What is known of a dossier's synchronisation with the national portal: since when a change has not arrived.

Kept small: a gap that was closed within a day and without a refusal is forgotten, since no threshold of A11 (whole
working days) can have passed in it. A source that never tells of synchronisation costs one number a dossier.
"""

from msgspec import Struct

from domain.instants import Millis

SHORT_MS = 22 * 3_600_000
"""Less than any working day to the next lasts, also where the clocks change."""
CHANGES = frozenset(
    f"dossier.{verb}"
    for verb in (
        "accepted rejected step_started step_completed supplement_requested supplement_received payment_requested "
        "fee_paid due_date_moved finished returned withdrawn stopped reopened transferred components_recorded"
    ).split()
)
"""What the portal must learn. An online filing comes from the portal; ratings, complaints, apologies and identity
checks are not sent there. A whole record counts where it says something new."""


class Gap(Struct, frozen=True, array_like=True, gc=False):
    """From a change (or a refusal, where nothing was open) until the portal accepted; `refused` is the first
    refusal."""

    since: Millis
    refused: Millis | None = None
    done: Millis | None = None


class Syncing(Struct, frozen=True, array_like=True, gc=False):
    """`told`: whether any synchronisation was ever told of; `synced_at` the last accepted one."""

    told: bool = False
    synced_at: Millis | None = None
    open: Gap | None = None
    past: tuple[Gap, ...] = ()


NOTHING_TOLD = Syncing()


def changed(syncing: Syncing, at: Millis) -> Syncing:
    """After a change; what happened at the very instant of a synchronisation was part of it."""
    if syncing.open is not None or (syncing.synced_at is not None and at <= syncing.synced_at):
        return syncing
    return Syncing(syncing.told, syncing.synced_at, Gap(at), syncing.past)


def answered(syncing: Syncing, at: Millis, *, accepted: bool) -> Syncing:
    """After the portal's answer."""
    gap, past = syncing.open, syncing.past
    if not accepted:
        first = at if gap is None or gap.refused is None else gap.refused
        return Syncing(
            told=True, synced_at=syncing.synced_at, open=Gap(gap.since if gap else at, first), past=past
        )
    if gap is not None and (gap.refused is not None or at - gap.since >= SHORT_MS):
        past = (*past, Gap(gap.since, gap.refused, at))
    return Syncing(told=True, synced_at=at, open=None, past=past)
