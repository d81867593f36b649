"""The guided tour: panel.py asks, steps.py says what is asked and done, crash.py is its crash."""
