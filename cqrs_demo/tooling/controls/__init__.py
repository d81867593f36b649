"""The workshop's controls, inside a service: what pauses and steps its loops, and tells what has
passed. Notebooks and dashboard hold the other end.

Begin with service.py.
"""
