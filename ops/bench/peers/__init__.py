"""The same fold in other engines: run in an environment of their own, compared row by row."""
