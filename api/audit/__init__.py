"""An auditor's questions: each answered with what was checked, what differs, and one of three verdicts."""

from api.audit.chains import alert_chain, who_knew
from api.audit.changes import changes
from api.audit.commitments import committed, received
from api.audit.completeness import completeness
from api.audit.controls import controls
from api.audit.dossiers import apologies, backdated, moved_due, too_early
from api.audit.patterns import findings, one_of_unit
from api.audit.patterns import one as one_finding
from api.audit.reads import reads
from api.audit.shown import dossier_shown, list_shown, scorecard_shown

__all__ = [
    "alert_chain",
    "apologies",
    "backdated",
    "changes",
    "committed",
    "completeness",
    "controls",
    "dossier_shown",
    "findings",
    "list_shown",
    "moved_due",
    "one_finding",
    "one_of_unit",
    "reads",
    "received",
    "scorecard_shown",
    "too_early",
    "who_knew",
]
