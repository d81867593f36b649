"""The same shop as it is usually written, to be compared with: no outbox, no inbox.

Nothing here is made worse on purpose, and nothing else of the package imports it. It runs on
request only, beside the real shop: `cqrs-demo naive`. `cqrs-demo hazard` breaks both in the same
way and counts what is lost. Next: orders.py, then invoices.py; broker.py is the queue between them.
"""
