"""An auditor's questions: each answered with what was checked, what differs, and one of three verdicts."""

from api.audit.chains import who_knew
from api.audit.changes import changes
from api.audit.dossiers import apologies, backdated, moved_due, too_early
from api.audit.reads import reads

__all__ = ["apologies", "backdated", "changes", "moved_due", "reads", "too_early", "who_knew"]
