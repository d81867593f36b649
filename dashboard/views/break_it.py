"""Break it: each fault with what is expected, what is happening, and at the top the proof that
nothing was lost or doubled."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

import fetch
import reach
import words
from cqrs_demo.client.errors import Trouble
from faults import AT_MOST, can_break_processes, faults
from frame import attempt, complaint, guarded, live
from made_up import an_order, someone
from pulse import pulse
from receipt import invoice_html
from traffic import RATE, SECONDS, send_duplicate, send_poison, traffic

JUST_STARTED = 10.0  # seconds


def page() -> None:
    if not fetch.is_workshop():
        st.info(
            "There is nothing to break here: these services run without CQRS_WORKSHOP=1.",
            icon=":material/lock:",
        )
        return
    proof()
    if not can_break_processes():
        st.caption(
            "These services run in containers: `docker compose kill order-service` or `pause "
            "rabbitmq` break them from outside."
        )
    experiments()


@live(1)
def experiments() -> None:
    for row in (EXPERIMENTS[:3], EXPERIMENTS[3:]):
        for column, (title, expected, draw) in zip(st.columns(3), row, strict=True):
            with column.container(border=True, height="stretch"):
                st.markdown(f"**{title}**")
                st.caption(expected)
                guarded(draw)()


# The proof


@live(1)
def proof() -> None:
    accepted, invoiced = fetch.proof()
    sample, orders = pulse().now(), traffic()
    missing = accepted["orders"] - invoiced["orders"]
    shown = _proof(accepted, invoiced, missing, sample.waiting)
    st.html(f'<div class="proof {"same" if missing == 0 else "open"}">{shown}</div>')
    row = st.container(horizontal=True, vertical_alignment="center")
    if orders.left:
        row.button(
            f"Stop the orders ({orders.left:.0f} s left)",
            icon=":material/stop:",
            on_click=orders.stop,
            key="traffic",
        )
    else:
        label = f"Send {RATE} orders a second for {SECONDS} s"
        row.button(
            label,
            icon=":material/play_arrow:",
            on_click=orders.start,
            key="traffic",
            type="primary",
        )
    if orders.accepted or orders.failed:
        refused = f", {words.number(orders.failed)} got no answer" if orders.failed else ""
        row.markdown(f"{words.number(orders.accepted)} accepted{refused}.")
    else:
        row.caption("Let orders flow, break something below, and watch the two numbers meet again.")


def _proof(accepted: reach.Row, invoiced: reach.Row, missing: int, waiting: int) -> str:
    numbers = [
        ("accepted", "orders in order-service", accepted),
        ("invoiced", "lines in invoice-service", invoiced),
    ]
    cells = "".join(
        f"<div><span>{name}</span><b>{words.number(row['orders'])}</b>"
        f"<em>{words.money(row['amount'])} · {where}</em></div>"
        for name, where, row in numbers
    )
    same = missing == 0 and accepted["amount"] == invoiced["amount"]
    verdict = (
        "✓ accepted = invoiced" if same else f"{words.plural(abs(missing), 'order')} on the way"
    )
    under = (
        "Nothing lost, nothing doubled."
        if same
        else f"{words.plural(waiting, 'event')} seen in outbox and queues; the rest is in hand."
    )
    return f'{cells}<div class="verdict"><b>{verdict}</b><em>{under}</em></div>'


# The experiments


def pause_consumer() -> None:
    sample = pulse().now()
    paused = sample.mode("consumer") == "paused"
    label, to = ("Resume the consumer", "running") if paused else ("Pause the consumer", "paused")
    act(
        "consumer",
        label,
        lambda: fetch.set_gate("consumer", to),
        disabled=sample.mode("consumer") == "away",
    )
    happening(f"{words.plural(sample.in_queues, 'message')} in the queues", sample.in_queues > 0)


def kill_service() -> None:
    service = st.selectbox(
        "Service", reach.SERVICES, 1, key="to kill", label_visibility="collapsed"
    )
    act("kill", "Kill it", lambda: faults().kill(service), disabled=not can_break_processes())
    age = faults().age(service)
    happening(
        "being started" if age is None else f"up for {words.duration(age)}",
        age is None or age < JUST_STARTED,
    )


def freeze_service() -> None:
    service = st.selectbox(
        "Service", reach.SERVICES, 2, key="to freeze", label_visibility="collapsed"
    )
    left = faults().left(service)
    if left is None:
        act(
            "freeze",
            "Freeze it",
            lambda: faults().freeze(service),
            disabled=not can_break_processes(),
        )
    else:
        act("thaw", f"Thaw it (in {left:.0f} s by itself)", lambda: faults().heal(service))
    who_is_away()


def stop_broker() -> None:
    left, sample = faults().left("broker"), pulse().now()
    if left is None:
        act("broker", f"Stop {reach.broker_name()}", lambda: faults().stop_broker())
    else:
        act(
            "broker back",
            f"Start it again (in {left:.0f} s by itself)",
            lambda: faults().heal("broker"),
        )
    happening(f"{words.plural(sample.in_outbox, 'event')} in the outbox", sample.in_outbox > 0)


def wrong_messages() -> None:
    act("duplicate", "Send the last event again", send_duplicate)
    act("poison", "Send a broken message", send_poison)
    sample = pulse().now()
    counts = (sample.gates["consumer"] or {}).get("counts") or {}
    happening(
        f"{words.plural(counts.get('duplicate', 0), 'duplicate')} recognised, "
        f"{words.plural(sample.dead or 0, 'dead letter')} set aside",
        False,
    )


def order_before_user() -> None:
    told = st.session_state.get("early order")
    if told is None:
        act("early", "Let an order overtake its user", overtake)
        return
    now = datetime.now(UTC)
    invoice = fetch.invoice(told["user"], now.year, now.month)
    if invoice:
        st.html(invoice_html(invoice, told["name"]))
    if invoice and invoice["email"]:
        act("early again", "Once more", lambda: st.session_state.pop("early order"))
    else:
        act(
            "let through",
            "Let the user's event through",
            lambda: fetch.set_gate("user relay", "running"),
        )


def overtake() -> None:
    """The user's event is held in its outbox, so the order's comes first."""
    fetch.set_gate("user relay", "paused")
    try:
        person, address = someone()
        user = fetch.create_user(person["name"], person["email"]).body
        fetch.create_account(user["id"], address)
        fetch.place_order(user["id"], *an_order())
    except Trouble:
        fetch.set_gate("user relay", "running")
        raise
    st.session_state["early order"] = {"user": user["id"], "name": user["name"]}


def act(name: str, label: str, what: Callable[[], object], *, disabled: bool = False) -> None:
    """A button of an experiment, and what went wrong with it."""

    def done() -> None:
        attempt(name, what)
        pulse().refresh()

    st.button(label, key=f"do {name}", on_click=done, disabled=disabled, width="stretch")
    complaint(name)


def happening(what: str, yes: bool) -> None:
    st.html(f'<div class="happening {"now" if yes else ""}">{what}</div>')


def who_is_away() -> None:
    away = [
        service
        for service, gate in zip(reach.SERVICES, fetch.GATES, strict=True)
        if pulse().now().mode(gate) == "away"
    ]
    happening(f"{', '.join(away)} does not answer" if away else "all three answer", bool(away))


EXPERIMENTS = (
    (
        "Pause the consumer",
        "Orders are accepted as before. Their events wait in the queues, and all arrive once it "
        "goes on.",
        pause_consumer,
    ),
    (
        "Kill a service",
        "The supervisor starts it again within seconds. What was accepted before stays accepted.",
        kill_service,
    ),
    (
        "Freeze a service",
        f"It takes calls and answers none, for {AT_MOST:.0f} s. The other two go on.",
        freeze_service,
    ),
    (
        "Stop the broker",
        "Orders are still accepted: their events stay in the outbox until the broker is back.",
        stop_broker,
    ),
    (
        "Wrong messages",
        "A duplicate counts once, by the inbox. A broken one becomes a dead letter, and the "
        "others flow.",
        wrong_messages,
    ),
    (
        "Order before user",
        "The invoice appears with its name and address missing, and is completed when they arrive.",
        order_before_user,
    ),
)

page()
