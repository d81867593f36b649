"""How events travel: one port (broker.py), one adapter per broker."""
