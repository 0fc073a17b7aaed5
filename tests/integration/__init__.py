"""With the real broker and the real store."""
