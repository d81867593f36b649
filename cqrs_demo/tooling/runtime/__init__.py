"""How the system runs on one machine with nothing installed. Nothing here is part of the
pattern."""
