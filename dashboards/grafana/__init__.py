"""Grafana as code: dashboards built in Python, provisioned as files or pushed over its API."""
