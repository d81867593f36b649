"""For each notebook's main claims, the change to the package that must turn it red."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """In `file` of the package each first text becomes the second, where it is found first. `red`
    names, by notebook and by something in the cell's source, the cells that must then show
    something else than what is stored: the first of each notebook to do so."""

    name: str
    claim: str
    red: tuple[tuple[str, str], ...]
    file: str
    changes: tuple[tuple[str, str], ...]

    @property
    def notebooks(self) -> list[str]:
        return sorted({number for number, _ in self.red})


INVOICES = "invoice_service/projections/invoices.py"

MUTATIONS = (
    Mutation(
        "nothing_is_copied",
        "the read model kept email and address from other services' events",
        (("00", "shop.invoice(alice"),),
        INVOICES,
        (
            (
                "as invoice_dt, known.email,\n    known.shipping_address, sum(change)",
                "as invoice_dt, null,\n    null, sum(change)",
            ),
        ),
    ),
    Mutation(
        "outbox_row_in_a_second_transaction",
        "state, event and outbox row are one transaction",
        (("01", "written_in_one_transaction"),),
        "user_service/commands.py",
        (
            (
                "    select sequence, id from event\n",
                "    select sequence, id from event where false\n",
            ),
            (
                "        return by_position(await made.fetchall(), len(commands))",
                "        rows = await made.fetchall()\n"
                "        await connection.commit()\n"
                "        await connection.execute(\n"
                '            "insert into demo.outbox (sequence, event_id) select sequence, id '
                'from demo.events where id = any(%s)",\n'
                '            [[row["event_id"] for row in rows]],\n'
                "        )\n"
                "        return by_position(rows, len(commands))",
            ),
        ),
    ),
    Mutation(
        "the_key_is_ignored",
        "a command that is sent again makes one row",
        (("01", "signup-dave"), ("06", "again = shop.place_order")),
        "outbox/retries.py",
        (("    if key is None:\n        return {}\n", "    return {}\n"),),
    ),
    Mutation(
        "last_to_arrive_wins",
        "the highest sequence wins, whatever order events arrive in",
        (("02", "shop.send_as_new"),),
        INVOICES,
        (("  and newest.sequence > coalesce(known.account_sequence, -1)\n", ""),),
    ),
    Mutation(
        "own_writes_are_not_waited_for",
        "a query after an event waits until the event is applied",
        (("02", "after=new_home, wait=0.5"),),
        "invoice_service/waiting.py",
        (("        if await self._projected([event_id]):\n", "        if True:\n"),),
    ),
    Mutation(
        "the_inbox_is_off",
        "an event that is delivered twice counts once, and the inbox knows it",
        (("02", "shop.send_again"), ("03", "shop.duplicates()")),
        "inbox/inbox.py",
        (('        del by_id[row["event_id"]]', "        pass"),),
    ),
    Mutation(
        "an_order_needs_its_user",
        "an order that comes before its user waits for the name",
        (("03", "after=kite"),),
        INVOICES,
        (
            (
                "where invoice_id is not null and happened_at is not null\n",
                "where invoice_id is not null and happened_at is not null\n"
                "  and known.email is not null\n",
            ),
        ),
    ),
    Mutation(
        "totals_are_not_added_up",
        "one row has the whole answer, its total included",
        (("04", "Magazine"),),
        INVOICES,
        (("set total = invoices.total + excluded.total", "set total = excluded.total"),),
    ),
    Mutation(
        "unroutable_is_confirmed",
        "a message that no queue takes is an error",
        (("05", "refund.created"),),
        "messaging/pgmq.py",
        (("            if count == (0,):\n", "            if False:\n"),),
    ),
    Mutation(
        "broken_messages_are_thrown_away",
        "a message that cannot be applied becomes a dead letter",
        (("05", "shop.resume_consumer()"),),
        "inbox/dead_letters.py",
        (("    await connection.execute(SET_ASIDE, row)\n", "    del row\n"),),
    ),
    Mutation(
        "acknowledged_before_it_is_applied",
        "a consumer that is killed in the middle of a transaction loses nothing",
        (("06", "lock.release()"), ("08", 'shops.hazard("acknowledged-first"')),
        "inbox/consumer.py",
        (
            (
                "                await self.handler.handle(deliveries)\n",
                "                await subscription.acknowledge(deliveries)\n"
                "                await self.handler.handle(deliveries)\n",
            ),
        ),
    ),
    Mutation(
        "newest_first",
        "after an outage the relay publishes in the order of the log",
        (("06", "listener.heard"),),
        "outbox/relay.py",
        (
            ("order by sequence limit %s)", "order by sequence desc limit %s)"),
            ("using (sequence)\norder by sequence\n", "using (sequence)\norder by sequence desc\n"),
        ),
    ),
    Mutation(
        "verify_finds_nothing",
        "verify names each row that was changed by hand",
        (("07", "shop.verify()"),),
        "invoice_service/replay/verify.py",
        (
            (
                "full join log using ({key})\norder by",
                "full join log using ({key})\nwhere false\norder by",
            ),
        ),
    ),
    Mutation(
        "replay_in_the_live_tables",
        "during a replay every query gets its answer",
        (("07", "meanwhile("),),
        "invoice_service/replay/rebuild.py",
        (
            (
                "        await _build(shadow, history)\n",
                '        await shadow.session.execute("delete from demo.invoices")\n'
                "        await _build(shadow, history)\n",
            ),
        ),
    ),
    Mutation(
        "as_of_shows_todays_address",
        "an invoice as of a moment has the address of that moment",
        (("07", "as_of=shop.time_of(widget)"),),
        "invoice_service/replay/time_travel.py",
        (
            (
                "h.happened_at <= %(as_of)s\n        order by h.sequence desc limit 1\n"
                "    ) as shipping_address",
                "true\n        order by h.sequence desc limit 1\n    ) as shipping_address",
            ),
        ),
    ),
    Mutation(
        "nobody_is_killed",
        "functions written in a hurry lose orders when they are killed at the wrong line",
        (("09", "bench.kill_place_order(hasty"),),
        "tooling/workshop/kill_at_line.py",
        (
            ("            raise Killed\n", "            return None\n"),
            ("connection.close()", "pass"),
        ),
    ),
    Mutation(
        "a_pending_order_can_be_cancelled",
        "an order that is pending is not touched by another command",
        (("10", "shop.cancel(piano)"),),
        "order_service/cancel.py",
        (("        raise OrderIsPending(id)\n", "        return order\n"),),
    ),
    Mutation(
        "nothing_is_given_back",
        "a cancelled order's credit is given back",
        (("10", "shop.cancel(piano, "),),
        "payment_service/reservations.py",
        (("set reserved = reserved - ended.amount", "set reserved = reserved"),),
    ),
    Mutation(
        "no_tombstone",
        "a release that overtakes its reservation leaves nothing reserved",
        (("10", "shop.resume_relay("),),
        "payment_service/reservations.py",
        (
            (
                "    values (%(order_id)s, %(user_id)s, 'released')\n",
                "    select %(order_id)s, %(user_id)s, 'released' where false\n",
            ),
        ),
    ),
    Mutation(
        "old_events_are_not_lifted",
        "an event of an older version is read as one of the newest",
        (("11", "read(old)"),),
        "contract/reading.py",
        (("            data = upcaster(data)\n", "            upcaster(data)\n"),),
    ),
    Mutation(
        "running_readers_are_forgotten",
        "the gate says to whom a change is bad: readers that run, and the replay",
        (("11", '"name": "title"'),),
        "contract/gate.py",
        (("            *_told(schema, RUNNING, _record(old.text), new, old),\n", ""),),
    ),
    Mutation(
        "a_line_for_each_event",
        "an order of which two events tell counts once",
        (("11", 'shop.send_as(widget, "order.approved")'),),
        INVOICES,
        (
            (
                "        - case when old.status = 'approved' then old.amount else 0 end as change",
                "        as change",
            ),
        ),
    ),
    Mutation(
        "avro_is_not_read",
        "a consumer reads both formats, whatever it writes itself",
        (("11", 'for format in ("json", "avro"):\n    shop.send_as'),),
        "contract/codec.py",
        (
            (
                "if content_type != CONTENT_TYPE and is_avro(content_type):",
                "if False and is_avro(content_type):",
            ),
        ),
    ),
)
