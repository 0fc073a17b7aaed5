"""Spreadsheets as one-stop systems export them: understood by their headings, kept as whole records."""
