"""The page Hazards: a naive shop and ours under the same fault."""
