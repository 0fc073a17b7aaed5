"""Figures: answers in the shapes that commands, routes and screens share. Plain functions, no HTTP."""

from api.figures.apologies import apologies, apology_letter
from api.figures.catalogue import findings, indicator_sets, units
from api.figures.changes import change
from api.figures.context import FigureContext, NotFound
from api.figures.dossiers import dossier, dossier_events
from api.figures.due_days import due_days
from api.figures.forecast import forecast
from api.figures.indicators import indicator, indicator_dossiers
from api.figures.leverage import leverage
from api.figures.lists import due, overdue
from api.figures.procedures import procedures
from api.figures.rankings import rankings
from api.figures.reconciliation import reconciliation, reconciliation_dossiers
from api.figures.scorecards import scorecard
from api.figures.targets import targets
from api.figures.wall import live

__all__ = [
    "FigureContext",
    "NotFound",
    "apologies",
    "apology_letter",
    "change",
    "dossier",
    "dossier_events",
    "due",
    "due_days",
    "findings",
    "forecast",
    "indicator",
    "indicator_dossiers",
    "indicator_sets",
    "leverage",
    "live",
    "overdue",
    "procedures",
    "rankings",
    "reconciliation",
    "reconciliation_dossiers",
    "scorecard",
    "targets",
    "units",
]
