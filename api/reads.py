"""Which answers name single dossiers, so that reading them is a recorded act; one table for all routes.

Totals and scorecards name nobody and are not recorded. A dossier's own pages record themselves (`dossier_read`).
"""

from fastapi import Request
from fastapi.routing import APIRoute

from api.access import Principal
from api.services import Services

LISTS = {
    "get_indicator_dossiers": "indicator",
    "get_overdue": "overdue",
    "get_due": "due",
    "get_apologies": "apologies",
    "get_forecast": "forecast",
    "get_reconciliation_dossiers": "reconciliation",
    "get_recipients": "recipients",
    "get_recipient_changes": "recipients/changes",
    "get_simulation": "messages",
    "get_findings": "findings",
    "get_alerts": "alerts",
    "get_alert": "alert",
    "get_dead_letters": "dead-letters",
    "get_stream": "stream",
    "get_proof": "audit/proof",
    "get_changes_known": "audit/changes",
    "get_moved_due": "audit/moved-due",
    "get_late_without_apology": "audit/apologies",
    "get_ends_taken_back": "audit/too-early",
    "get_backdated": "audit/backdated",
    "get_completeness": "audit/completeness",
    "get_controls": "audit/controls",
    "get_figure_question": "audit/figure",
    "get_as_shown": "audit/as-shown",
    "get_reads": "audit/reads",
    "get_patterns": "audit/findings",
}
"""The name of a route, and what its reading is called in the log."""
DOSSIERS = {"get_who_knew": "code"}
"""Routes about one dossier that do not record it themselves, and the path's parameter that names it."""
THEMSELVES = frozenset(
    "get_dossier get_dossier_events get_apology_letter get_paper get_dossier_bundle get_figure_bundle "
    "get_alert_bundle get_answer_bundle get_report_bundle get_portal_bundle".split()
)
"""Routes that record what they gave, a dossier or a file, by themselves."""
NAMES_NOBODY = frozenset(
    "get_units get_procedures get_indicator_sets get_scorecard get_indicator get_live get_leverage "
    "get_reconciliation get_targets get_checkpoints get_checkpoint get_consistency get_verify get_rankings "
    "get_changes get_webhooks get_rules get_health get_metrics get_schemas get_due_calendar get_issued".split()
)
"""Routes of totals, counts and the system's own matters: reading them is no act."""
_PAGING = frozenset({"cursor", "limit"})
_MOST = 200


def record_reading(request: Request, services: Services) -> None:
    """Records who was answered what: a list's name and its filters, not its rows; its pages count once."""
    route = request.scope.get("route")
    who = getattr(request.state, "principal", None)
    if not isinstance(route, APIRoute) or not isinstance(who, Principal):
        return
    now = services.wall()
    if route.name in DOSSIERS:
        services.acts.record("dossier_read", request.path_params[DOSSIERS[route.name]], who, now)
    elif route.name in LISTS:
        given = {**request.path_params, **request.query_params}
        asked = {_shown(name): _shown(str(value)) for name, value in given.items() if name not in _PAGING}
        unit = asked.pop("unit", None)
        # A subject is a code of at most 128 characters, so what was asked stands in the evidence.
        services.acts.record("list_read", LISTS[route.name], who, now, unit=unit, evidence=asked)


def _shown(text: str) -> str:
    """What was asked, as an event can hold it: no control characters nor what looks like one, cut to a length."""
    return "".join(c if c.isprintable() and c != "\\" else "\ufffd" for c in text[:_MOST])
