"""The experiments of the page Break it: for each fault what is expected, the button that makes it,
and what is happening."""

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

import words
from break_it.traffic import send_duplicate, send_poison
from clicks import button
from cqrs_demo.client.errors import Trouble
from frame import attempt, complaint
from made_up import an_order, someone
from receipt import invoice_html
from system import fetch, reach
from system.faults import AT_MOST, can_break_processes, faults
from system.known import together
from system.pulse import pulse
from system.sample import RELAYS, Sample

JUST_STARTED = 10.0  # seconds


def pause_consumer() -> None:
    sample = pulse().now()
    mode = sample.mode("consumer")
    paused = mode == "paused"
    label, to = ("Resume the consumer", "running") if paused else ("Pause the consumer", "paused")
    act(
        "consumer",
        label,
        lambda: fetch.set_gate("consumer", to),
        disabled=mode in ("away", "unknown"),
    )
    waiting = sample.in_queues()
    happening(
        f"in the queues: {waiting.shown(lambda count: words.plural(count, 'message'))}",
        not waiting.holds(lambda count: count == 0),
    )


def kill_service() -> None:
    service = st.selectbox(
        "Service", reach.SERVICES, 1, key="to kill", label_visibility="collapsed"
    )
    act("kill", "Kill it", lambda: faults().kill(service), disabled=not can_break_processes())
    if not can_break_processes():
        return
    age = faults().age(service)
    happening(
        "being started" if age is None else f"up for {words.duration(age)}",
        age is None or age < JUST_STARTED,
    )


def freeze_service() -> None:
    first = reach.SERVICES.index("invoice-service")
    service = st.selectbox(
        "Service", reach.SERVICES, first, key="to freeze", label_visibility="collapsed"
    )
    sample, left = pulse().now(), faults().left(service)
    if left is None and service not in sample.frozen:
        act(
            "freeze",
            "Freeze it",
            lambda: faults().freeze(service),
            disabled=not can_break_processes(),
        )
    else:
        by_itself = "" if left is None else f" (in {left:.0f} s by itself)"
        act("thaw", f"Thaw it{by_itself}", lambda: faults().thaw(service))
    who_is_away(sample)


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
    outbox = together(lambda *counts: sum(counts), *(sample.outbox(relay) for relay in RELAYS))
    broker = f"broker {sample.broker_says}, " if sample.broker_says else ""
    happening(
        f"{broker}{outbox.shown(lambda count: words.plural(count, 'event'))} in the outbox",
        bool(broker) or not outbox.holds(lambda count: count == 0),
    )


def wrong_messages() -> None:
    act("duplicate", "Send the last event again", send_duplicate)
    act("poison", "Send a broken message", send_poison)
    sample = pulse().now()
    recognised = sample.duplicates().shown(lambda count: words.plural(count, "duplicate"))
    dead = sample.dead.shown(lambda count: words.plural(count, "dead letter"))
    happening(f"{recognised} recognised, {dead} set aside", False)


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

    button(f"do {name}", label, done, disabled=disabled, width="stretch")
    complaint(name)


def happening(what: str, yes: bool) -> None:
    st.html(f'<div class="happening {"now" if yes else ""}">{what}</div>')


def who_is_away(sample: Sample) -> None:
    modes = {service: sample.mode(gate) for gate, service in fetch.GATES.items()}
    away = [service for service in reach.SERVICES if modes[service] == "away"]
    if away:
        happening(f"no answer from {', '.join(away)}", True)
    elif "unknown" in modes.values():
        happening("who answers is unknown", True)
    else:
        happening("all four answer", False)


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
        f"It takes calls and answers none, for {AT_MOST:.0f} s. The others go on.",
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
