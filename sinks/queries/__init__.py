"""All SQL that reads the store."""
