"""The query side: builds invoices and revenue from events, and serves them.

projections/ is what events do to the read model; queries.py and projections/revenue.py are the
SELECTs on it, routes.py and report_routes.py their HTTP side; waiting.py lets a client wait for its
own event. replay/ builds the read model anew from the logs, compares it with them, and shows it as
it was. Read server.py first, which puts all of it together, then projections/.
"""
