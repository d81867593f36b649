"""The dashboard: `cqrs-demo up` starts it, `make dashboard` starts it alone. Pages only draw;
fetch.py fetches.

Read views/shop.py first: it is the whole idea on one page.
"""

from pathlib import Path

import streamlit as st

from first_visit import warm_up
from frame import guarded, strip

HERE = Path(__file__).parent

st.set_page_config("CQRS Demo", page_icon=HERE / "icon.png", layout="wide")

PAGES = [
    st.Page("views/shop.py", title="Shop", icon=":material/storefront:", default=True),
    st.Page("views/invoices.py", title="Invoices", icon=":material/receipt_long:"),
    st.Page("views/under_the_hood.py", title="Under the hood", icon=":material/conversion_path:"),
    st.Page("views/break_it.py", title="Break it", icon=":material/bolt:"),
    st.Page("views/hazards.py", title="Hazards", icon=":material/warning:"),
    st.Page("views/dead_letters.py", title="Dead letters", icon=":material/report:"),
    st.Page("views/replay.py", title="Replay", icon=":material/history:"),
]

warm_up()
st.html(HERE / "style.css")
page = st.navigation(PAGES, position="top")
strip()
guarded(page.run)()
