"""The pure rules: events, calendars, timelines, verdicts, bookings, scores. No clock, no I/O, no environment."""
