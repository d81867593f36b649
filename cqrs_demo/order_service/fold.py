"""What order-service's events add up to: orders, and the sagas of those that need credit. Next:
outbox/fold.py."""

from cqrs_demo.contract.events import OrderCreated
from cqrs_demo.outbox.fold import Fold, fields_of

# What became of an order is what the last event about it says.
BECAME = """
    left join (
        select distinct on (subject) subject, split_part(type, '.', 2) as state,
            data ->> 'reason' as reason
        from demo.events
        where type in ('order.approved', 'order.rejected', 'order.cancelled')
        order by subject, sequence desc
    ) as became using (subject)
"""

ORDERS = f"""
    select event.id as event_id, row.id, row.user_id, row.description, row.amount, row.purchase_dt,
        coalesce(became.state, row.status, 'approved') as status, became.reason
    from demo.events as event
    {fields_of(OrderCreated)}
    {BECAME}
    where event.type = 'order.created'
"""  # noqa: S608  # made of the contract, not of input

SAGAS = f"""
    select (event.data ->> 'order_id')::bigint as order_id,
        coalesce(became.state, 'reserving') as state
    from demo.events as event
    {BECAME}
    where event.type = 'reservation.requested'
"""  # noqa: S608

FOLDS = (
    Fold(
        "orders",
        ORDERS,
        "select event_id, id, user_id, description, amount, purchase_dt, status, reason "
        "from demo.orders",
    ),
    Fold("order_sagas", SAGAS, "select order_id, state from demo.order_sagas", key="order_id"),
)
