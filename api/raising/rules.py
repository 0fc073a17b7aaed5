"""The raised kinds, in the order in which they are judged."""

from api.raising.briefs import Briefs
from api.raising.crunch import Crunch
from api.raising.due_today import DueToday
from api.raising.falls import Falls
from api.raising.findings import Findings
from api.raising.pace import Pace
from api.raising.portal import PortalGap
from api.raising.runner import Rule
from api.raising.silence import Silence
from api.raising.system import Red, System


def rules(red: Red) -> tuple[Rule, ...]:
    """New ones, without memory; `red` tells which parts of the system are red now. What costs much stands last."""
    system = System(red)
    cheap = (system, Silence(system.chain_red), Briefs(), DueToday(), Findings(), Crunch())
    return (*cheap, PortalGap(), Pace(), Falls())
