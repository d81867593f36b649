"""The write side's way out: events leave the database through the outbox, in log order, at least
once."""
