"""The saga of one order, drawn. ask.py asks the services, story.py makes moments of what they say,
draw.py puts them on the page; acts.py is what the buttons do."""
