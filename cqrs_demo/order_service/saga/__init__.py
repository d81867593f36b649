"""The saga of an order that needs credit. Read definition.py first: it is the whole story. Then
process.py, which takes its steps, and sweep.py, which sees to it that each story ends."""
