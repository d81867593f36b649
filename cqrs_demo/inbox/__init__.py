"""The read side's way in: events enter a database through the inbox, each counts once, and a bad
one is set aside."""
