"""Command side for users and their accounts."""
