"""Hazards that can be seen: the real shop and the naive one get the same orders and the same fault,
and what each lost is counted in the same way.

Next: catalog.py, which hazards there are; scenarios.py, what happens in each; shops.py, the two
shops as a scenario sees them; oracle.py, how it is counted; stage.py, where it all runs.
"""
