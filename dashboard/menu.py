"""The way around: every page in one row, in three groups, each found in one click, on a phone too;
and the switch for a projector."""

from pathlib import Path

import streamlit as st

from kept import recall, remember

HERE = Path(__file__).parent

GROUPS = {
    "Shop": {
        "shop": ("Shop", "storefront"),
        "invoices": ("Invoices", "receipt_long"),
    },
    "Inside": {
        "stage": ("Stage", "conversion_path"),
        "stores": ("Stores", "database"),
        "replay": ("Replay", "history"),
    },
    "Faults": {
        "break_it": ("Break it", "bolt"),
        "hazards": ("Hazards", "warning"),
        "dead_letters": ("Dead letters", "report"),
    },
}
"""Each page's file, title and icon. A new page takes its place in a group; there is no fourth."""


def chosen_page() -> st.Page:
    """Draws the menu. The page to run."""
    groups = {
        group: [
            st.Page(
                f"views/{file}.py",
                title=title,
                icon=f":material/{icon}:",
                default=file == "shop",
            )
            for file, (title, icon) in pages.items()
        ]
        for group, pages in GROUPS.items()
    }
    page = st.navigation(groups, position="hidden")
    recall(presenter=lambda written: written == "1")
    with st.container(horizontal=True, key="menu", vertical_alignment="center"):
        for group, pages in groups.items():
            with st.container(horizontal=True, key=f"menu_{group}", width="content"):
                st.html(f'<span class="group">{group}</span>', width="content")
                for one in pages:
                    _link(one, one == page)
        presenter()
    return page


def _link(page: st.Page, is_here: bool) -> None:
    with st.container(key=f"{'here_' if is_here else ''}{page.title}", width="content"):
        carried = {"presenter": "1"} if st.session_state.get("presenter") else None
        st.page_link(page, query_params=carried)


def presenter() -> None:
    """For a projector: the full width, and larger type. `?presenter=1` begins with it."""
    on = st.toggle("Presenter", key="presenter")
    remember(presenter="1" if on else None)
    if on:
        st.html(HERE / "presenter.css")
