"""The dashboard: `cqrs-demo up` starts it, `make dashboard` starts it alone. Pages only draw;
system/fetch.py fetches.

Read views/shop.py first: it is the whole idea on one page.
"""

from pathlib import Path

import streamlit as st

from first_visit import warm_up
from frame import guarded, whole_page
from menu import chosen_page
from strip import strip
from tour.panel import tour

HERE = Path(__file__).parent

st.set_page_config("CQRS Demo", page_icon=HERE / "icon.png", layout="wide")
warm_up()
st.html(HERE / "style.css")
page = chosen_page()
strip()
guarded(tour)(page.title)
guarded(whole_page)(page.run)
