"""The kinds that no single dossier tells (decisions 22): judged on the wall clock, raised as acts."""
