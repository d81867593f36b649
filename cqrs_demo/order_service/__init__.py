"""Command side for orders."""
