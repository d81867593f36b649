"""What learners try in each exercise: answers that are wrong, and answers that are right although
they are written in another way. Every name of an exercise is also tried as None."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tries:
    """Each try is the source of the cell that a learner fills in."""

    wrong: tuple[str, ...]
    right: tuple[str, ...] = ()


def one_name(name: str, *values: str) -> tuple[str, ...]:
    return tuple(f"{name} = {value}" for value in values)


LAMP = 'lamp = shop.place_order(alice, "Lamp", "30.00", on="2025-04-09")\n'
PUBLISH = "lab.publish(('order.created', 'a'), ('order.created', 'b'), ('order.created', 'c'))\n"
SUBSCRIBE = PUBLISH + "mine = lab.subscribe('order')\n"
READY = "ready = int(lab.depths()['order'].item())"
SURVIVOR = 'survivor = shop.place_order(alice, "Survivor", "1.00", on="2025-07-01")\n'
SOFA = 'sofa = shop.place_order(bob, "Sofa", "1100.00")\n'
ANVIL = '"id": 1, "description": "Anvil", "purchase_dt": "2025-04-03T10:00:00Z"'

PLACE = """
def place_order(db, order):
    {transaction}
        db.execute("insert into orders values (%(id)s, %(description)s, %(amount)s)", order)
        event = "insert into events (order_id, amount) values (%(id)s, %(amount)s)"
        position = db.execute(event + " returning position", order).fetchone()
    {outbox}db.execute("insert into outbox values (%s)", position)
"""
RELAY = """
def relay(db, broker):
    waiting = "select position, amount from outbox join events using (position) order by position"
    for position, amount in db.execute(waiting).fetchall():
        {first}
        {then}
"""
FORGET, SEND = (
    'db.execute("delete from outbox where position = %s", [position])',
    "broker.publish(position, amount)",
)
CONSUME = """
def consume(db, broker):
    for message in broker.receive():
        {first}
        with db.transaction():
            claim = "insert into inbox values (%s) on conflict do nothing"
            if db.execute(claim, [message.position]).rowcount:
                db.execute("update invoice set total = total + %s", [message.amount])
        {then}
"""

CURRENCY = '[*fields, {"name": "currency", "type": "string"}]'
IN_EUR = '{"name": "currency", "type": "string", "default": "EUR"}'
UPCASTER = """
def order_cancelled_2(data):
    {body}
"""

EXERCISES = {
    "00.1": Tries(
        wrong=one_name(
            "gadget",
            'shop.place_order(alice, "Gadget", "12.00", on="2025-04-20")',
            'shop.place_order(alice, "Gidget", "12.50", on="2025-04-20")',
            'shop.place_order(alice, "Gadget", "12.50", on="2025-05-20")',
            'shop.place_order(alice, "Gadget", "-12.50", on="2025-04-20")',
            'shop.place_order(99, "Gadget", "12.50", on="2025-04-20")',
            "shop.invoice(alice)",
            "alice",
        ),
        right=one_name("gadget", 'shop.place_order(alice, "gadget", 12.5, on="2025-04-20")'),
    ),
    "00.2": Tries(
        wrong=tuple(
            f"events_of_a_refused_command, invoices = {values}"
            for values in ("1, 2", "0, 1", "0, 3", "'none', 2", "[0], 2", "False, 2")
        ),
        right=("events_of_a_refused_command, invoices = '0', 2.0",),
    ),
    "01.1": Tries(
        wrong=one_name("user_events", "3", "5", "12", "'four'", "[4]"),
        right=one_name("user_events", "'4'", "4.0"),
    ),
    "01.2": Tries(
        wrong=(
            'first = shop.create_user("Frank", "frank@demo.com")\nsecond = first',
            'first = shop.create_user("Frank", "frank@demo.com")\n'
            'second = shop.create_user("Frank", "frank@demo.com")',
            'first = shop.create_user("Frank", "frank@demo.com", idempotency_key="a")\n'
            'second = shop.create_user("Frank", "frank@demo.com", idempotency_key="b")',
            'first = shop.create_user("Frank", "frank@demo.com", idempotency_key="a")\n'
            'second = shop.create_user("Frank", "frank2@demo.com", idempotency_key="a")',
            'first = second = "done"',
        ),
    ),
    "02.1": Tries(
        wrong=one_name(
            "honest",
            "shop.invoice(alice)",
            "shop.invoice(alice, after=widget, wait=0.5)",
            "shop.invoice(alice, '2024-01')",
            "globe",
            "503",
        ),
        right=one_name("honest", "shop.invoice(alice, '2025-04', after=globe, wait=0.1)"),
    ),
    "02.2": Tries(
        wrong=one_name(
            "needs_the_event_id",
            "{'a'}",
            "{'c'}",
            "{'a', 'b', 'c'}",
            "'ac'",
            "{'a', 'c', 'd'}",
            "2",
        ),
        right=one_name("needs_the_event_id", "['c', 'a']", "'A, C'"),
    ),
    "03.1": Tries(
        wrong=(
            LAMP,
            LAMP + LAMP,
            LAMP + "shop.step_relay('order-service')\nshop.step_consumer()",
            LAMP.replace("30.00", "3.00") + "shop.step_relay('order-service')",
            "shop.step_relay('order-service')\nlamp = widget",
        ),
    ),
    "03.2": Tries(
        wrong=one_name("lines", "0", "2", "'two'", "True"),
        right=one_name("lines", "'1'"),
    ),
    "04.1": Tries(
        wrong=one_name(
            "query",
            "'select sum(total) from demo.invoices'",
            "'select 110.00'",
            "'select total from demo.invoices where user_id = :user'",
            "'select sum(total), 1 from demo.invoices where user_id = :user'",
            "'select sum(amount) from demo.orders where user_id = :user'",
            "'select'",
        ),
        right=one_name(
            "query",
            "'select sum(total) as total_orders from demo.invoices where user_id = :user'",
        ),
    ),
    "04.2": Tries(
        wrong=one_name(
            "suspects",
            "'select invoice_dt from demo.invoices'",
            "'select invoice_dt from demo.invoices where false'",
            "'select * from demo.invoices as i where user_id = :user and total <> (select "
            "sum(amount) from demo.invoice_lines as l where l.invoice_id = i.invoice_id)'",
            "\"select date '2025-07-01' as invoice_dt from demo.invoices where total = 6.00\"",
        ),
        right=one_name(
            "suspects",
            "'select invoice_dt from demo.invoices as i where total <> (select sum(amount)"
            " from demo.invoice_lines as l where l.invoice_id = i.invoice_id)'",
        ),
    ),
    "05.1": Tries(
        wrong=(
            SUBSCRIBE + "mine.acknowledge(mine.receive(2))\n" + READY,
            SUBSCRIBE + "mine.receive(2)\n" + READY,
            SUBSCRIBE + "mine.acknowledge(mine.receive(1))\n" + READY,
            SUBSCRIBE + "mine.acknowledge(mine.receive(2)[:1])\nready = 2",
            SUBSCRIBE + "mine.acknowledge(mine.receive(2)[:1])\n" + READY + "\nmine.close()",
            PUBLISH + SUBSCRIBE + "mine.acknowledge(mine.receive(2)[:1])\n" + READY,
            "ready, mine = 1, lab",
        ),
        right=(SUBSCRIBE + "mine.acknowledge(mine.receive(2)[:1])\nready = '1'",),
    ),
    "05.2": Tries(
        wrong=one_name(
            "promise",
            "'exactly once'",
            "'at least once'",
            "'never'",
            "'at most once, at least once'",
            "1",
        ),
        right=one_name("promise", "'At most once'", "{'at most once'}"),
    ),
    "06.1": Tries(
        wrong=(
            SURVIVOR,
            'survivor = shop.place_order(alice, "Survivor", "1.00", on="2025-08-01")',
            'survivor = shop.place_order(alice, "Surviver", "1.00", on="2025-07-01")',
            "shop.stop_broker()\n" + SURVIVOR + "shop.start_broker()",
            "shop.stop_broker()\n" + SURVIVOR + "shop.kill('order-service')",
        ),
    ),
    "06.2": Tries(
        wrong=(
            f'mine = shop.send("order.created", {{{ANVIL}, "user_id": "A", "amount": "heavy"}})',
            f'mine = shop.send("order.created", {{{ANVIL}, "user_id": 1, "amount": "heavy"}})',
            f'mine = shop.send("order.wrapped", {{{ANVIL}, "user_id": "A", "amount": 1}})',
            f'shop.send("order.created", {{{ANVIL}, "user_id": "A", "amount": 1}})\nmine = "sent"',
        ),
        right=(f'mine = shop.send("order.created", {{{ANVIL}, "user_id": -1, "amount": 1}})',),
    ),
    "07.1": Tries(
        wrong=one_name("largest", "70", "12.5", "62.50", "'a lot'", "Counter()"),
        right=one_name("largest", "'50'", "50.0"),
    ),
    "07.2": Tries(
        wrong=one_name(
            "can_be_rebuilt",
            "{'invoices'}",
            "{'invoices', 'inbox', 'orders'}",
            "{'invoices', 'inbox', 'order events'}",
            "{'invoices', 'inbox', 'outbox'}",
            "[]",
            "7",
        ),
        right=one_name("can_be_rebuilt", "['inbox', 'invoices']", "'Invoices, inbox'"),
    ),
    "08.1": Tries(
        wrong=one_name(
            "lost_in_all",
            "20.69",
            "136.34",
            "'471'",
            "3204.60",
            "7",
            "dual_write",
            "'a lot'",
            "dual_write.lost + lost_update.lost",
        ),
        right=one_name("lost_in_all", "'471.42'", "471.42"),
    ),
    "08.2": Tries(
        wrong=one_name(
            "left", "set()", "{'b'}", "{'d'}", "'abcd'", "{'a', 'b', 'd'}", "4", "'b,c,d'"
        ),
        right=one_name("left", "['d', 'b']", "'B, D'"),
    ),
    "09.1": Tries(
        wrong=(
            "place_order = 'three inserts'",
            "def place_order(db, order):\n    pass",
            PLACE.format(transaction="if True:", outbox=""),
            PLACE.format(transaction="with db.transaction():", outbox=""),
        ),
        right=(PLACE.format(transaction="with db.transaction():", outbox="    "),),
    ),
    "09.2": Tries(
        wrong=(
            "relay = print",
            "def relay(db, broker):\n    pass",
            RELAY.format(first=FORGET, then=SEND),
            RELAY.format(first=SEND, then="pass"),
            RELAY.format(first=FORGET, then="pass"),
        ),
        right=(RELAY.format(first=SEND, then=FORGET).replace("order by position", ""),),
    ),
    "09.3": Tries(
        wrong=(
            "consume = hasty_consumer",
            "def consume(db, broker):\n    pass",
            CONSUME.format(first="broker.acknowledge(message)", then="pass"),
            CONSUME.format(first="pass", then="pass"),
            CONSUME.format(first="pass", then="broker.acknowledge(message)").replace(
                "with db.transaction():", "if True:"
            ),
        ),
    ),
    "10.1": Tries(
        wrong=one_name("approved", "{'x'}", "{'x', 'z'}", "{'x', 'y', 'z'}", "{'y'}", "2"),
        right=one_name("approved", "['y', 'x']", "'X, Y'"),
    ),
    "10.2": Tries(
        wrong=(
            SOFA,
            SOFA + "shop.cancel(sofa)",
            SOFA + "shop.resume_payments()\nshop.wait_until_settled(sofa)",
            SOFA.replace("1100", "900") + "shop.cancel(sofa)",
            SOFA + "shop.let_deadline_pass(sofa)",
            "sofa = 'cancelled'",
        ),
        right=(SOFA + "while not shop.cancel(sofa).ok:\n    shop.resume_payments()",),
    ),
    "10.3": Tries(
        wrong=one_name("true", "{'a'}", "{'b'}", "{'b', 'd', 'e'}", "{'a', 'b', 'd'}", "'all'"),
        right=one_name("true", "['d', 'b']", "'B, D'"),
    ),
    "11.1": Tries(
        wrong=one_name(
            "draft",
            CURRENCY,
            "fields",
            f"[{IN_EUR}]",
            f'[*without(fields, "status"), {IN_EUR}]',
            f"[*fields, {IN_EUR}, {IN_EUR}]",
            CURRENCY.replace('"string"', '"string", "default": ""'),
            CURRENCY.replace('"string"', '["null", "string"], "default": None'),
            CURRENCY.replace('"string"', '"text", "default": "EUR"'),
            CURRENCY.replace('"string"', '"string", "default": 1'),
            CURRENCY.replace('"name"', '"nmae"'),
            "[*fields, 'currency']",
            "'currency'",
        ),
        right=one_name(
            "draft",
            f"[{IN_EUR}, *fields]",
            CURRENCY.replace('"string"', '["string", "null"], "default": "EUR"'),
        ),
    ),
    "11.2": Tries(
        wrong=(
            "order_cancelled_2 = 'because'",
            *(
                UPCASTER.format(body=body)
                for body in (
                    "pass",
                    "return data",
                    'data["because"] = data.pop("reason", None)\n    return data',
                    'return {**data, "because": data.get("reason")}',
                    'return {"because": data.get("reason")}',
                    'return {"id": data["id"], "user_id": data["user_id"], '
                    '"because": data["reason"]}',
                    'return {"id": data["id"], "user_id": data["user_id"], '
                    '"because": data.get("reason", "")}',
                    'return {"id": data["id"], "user_id": data["user_id"], "because": None}',
                    "return data + 1",
                )
            ),
        ),
        right=(
            UPCASTER.format(
                body='kept = dict(data)\n    return {"because": kept.pop("reason", None), **kept}'
            ),
        ),
    ),
}
