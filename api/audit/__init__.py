"""An auditor's questions: each answered with what was checked, what differs, and one of three verdicts."""

from api.audit.changes import changes

__all__ = ["changes"]
