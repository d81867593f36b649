"""Command side for credit: who has how much, and which orders use it."""
