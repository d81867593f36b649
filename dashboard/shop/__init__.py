"""The page Shop: its forms, the journey of a command, and what an empty shop says."""
