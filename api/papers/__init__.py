"""Papers as figures: what each paper says, from the rows as they stood at positions of the log. No rendering."""
