"""The page Break it: the faults one can make, orders that keep coming, and the proof."""
