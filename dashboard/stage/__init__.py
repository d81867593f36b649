"""The flow, animated. traces.py learns what happened to each event and when, plan.py turns that
into dots with a way, flow.py puts them on the page; flow.js moves them."""
