"""Query side: builds invoices from events and serves them."""
