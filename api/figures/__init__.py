"""Figures: answers in the shapes that commands, routes and screens share. Plain functions, no HTTP."""
