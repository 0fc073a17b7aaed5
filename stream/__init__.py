"""The fold as a process: log records in, durable state and absolute rows out."""
