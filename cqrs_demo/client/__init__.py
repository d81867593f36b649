"""The one client of the services' HTTP APIs: CLI, notebooks, demo data, bench and dashboard use it.

Next: client.py, what can be asked; answer.py and errors.py, what comes back.
"""
