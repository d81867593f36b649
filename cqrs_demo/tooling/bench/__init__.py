"""The benchmark: how fast the system is, beside what it could at best be and beside what one would
write without it.

A measurement is a module that yields figures (figures.py). Load comes from processes of their own
(client.py), the system is the one that `cqrs-demo up` starts (rig.py), and every run that carries
orders ends with the oracle: accepted = invoiced. Next: run.py, the list of measurements.
"""
