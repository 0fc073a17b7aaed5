"""Hostile input against one stack, and coverage-guided fuzzing of what reads bytes."""
