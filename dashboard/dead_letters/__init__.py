"""The page Dead letters: one letter, and what its buttons do."""
