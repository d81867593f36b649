"""Slides for whoever leads the workshop, made of the tagged cells of a chapter: its incident, its
predictions, what fails, the code, when not to use it, and the quiz. Next: make.py.
"""
