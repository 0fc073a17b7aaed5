"""Alerts: what holds, what people do about it, and who is told."""
