"""Papers as files: the same figures give the same bytes, on any machine with the locked libraries."""
