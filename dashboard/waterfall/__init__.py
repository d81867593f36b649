"""One command hop by hop, on the Stage: bars.py makes bars of what is known, draw.py draws them."""
