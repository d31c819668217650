"""The only room that talks to AWS: sessions, collection, recorded answers."""
