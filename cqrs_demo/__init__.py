"""A small shop that teaches CQRS by running it. Start reading at contract/events.py."""
