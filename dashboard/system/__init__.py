"""The running system as the dashboard knows it: where it is, what it is asked and answers, and
what is broken in it. Nothing here draws. Read reach.py, fetch.py and pulse.py first."""
