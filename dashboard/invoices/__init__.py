"""The page Invoices: the list, one invoice at any moment of its life, and what one takes away."""
