"""One module a schema revision; a revision that was released never changes again."""
