"""The page Replay: a run of replay or verify, its verdict, and a read model damaged by hand."""
