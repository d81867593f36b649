"""Command side for orders: place and cancel them. saga/ is what happens to one that needs credit.

Read commands.py first: an order and its event in one statement. Then saga/definition.py.
"""
