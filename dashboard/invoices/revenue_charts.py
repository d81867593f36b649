"""What the invoices add up to, as two bar charts."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

import words

BAR = "#6366f1"
HEIGHT = 300
SMALLEST = 13  # px, of type that is to be read


def _axis(**options: Any) -> alt.Axis:
    """With labels that can be read in the viewer's theme."""
    colour = "#c3c7d4" if st.context.theme.type == "dark" else "#474d5e"
    return alt.Axis(labelFontSize=SMALLEST, labelColor=colour, **options)


def months_chart(months: list[dict[str, Any]]) -> None:
    by_month = {row["month"]: row for row in months}
    rows = [
        {
            "month": name[:3],
            "revenue": float(by_month.get(place, {}).get("revenue", 0)),
            "orders": by_month.get(place, {}).get("orders", 0),
        }
        for place, name in enumerate(words.MONTHS, 1)
    ]
    chart = alt.Chart(pd.DataFrame(rows)).mark_bar(color=BAR, cornerRadiusEnd=4)
    st.altair_chart(
        chart.encode(
            x=alt.X("month", sort=None, title=None, axis=_axis(labelAngle=0)),
            y=alt.Y(
                "revenue",
                title=None,
                axis=_axis(format="$,.0f", tickCount=5),
            ),
            tooltip=["month", alt.Tooltip("revenue", format="$,.2f"), "orders"],
        ).properties(height=HEIGHT)
    )


def top_chart(customers: list[dict[str, Any]]) -> None:
    rows = [
        {
            "customer": row["name"] or f"User {row['user_id']}",
            "revenue": float(row["revenue"]),
            "orders": row["orders"],
        }
        for row in customers
    ]
    for row, customer in zip(rows, customers, strict=True):
        row["label"] = (
            f"{row['customer']} · {customer['user_id']}"  # two customers may have one name
        )
    chart = alt.Chart(
        pd.DataFrame(rows, columns=["customer", "revenue", "orders", "label"])
    ).mark_bar(color=BAR, cornerRadiusEnd=4)
    st.altair_chart(
        chart.encode(
            x=alt.X(
                "revenue",
                title=None,
                axis=_axis(format="$,.0f", tickCount=4),
            ),
            y=alt.Y(
                "label",
                sort=None,
                title=None,
                axis=_axis(labelLimit=180),
            ),
            tooltip=["customer", alt.Tooltip("revenue", format="$,.2f"), "orders"],
        ).properties(height=HEIGHT)
    )
