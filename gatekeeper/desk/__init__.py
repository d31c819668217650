"""The filing desk: a record with all that is known about it, and what the public sees of it."""
