"""Rules on the counts behind a table: what a publication would hide."""
