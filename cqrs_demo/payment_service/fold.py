"""What payment-service's events add up to: limits, credits and reservations. Next:
outbox/fold.py."""

from cqrs_demo.outbox.fold import Fold
from cqrs_demo.payment_service.credit import DEFAULT_LIMIT

LIMITS = """
    select id as event_id, (data ->> 'user_id')::bigint as user_id,
        (data ->> 'limit')::numeric(12, 2) as credit_limit
    from demo.events
    where type = 'credit.limited'
"""

# Of whom the log says nothing has the default limit, and nothing reserved.
CREDITS = f"""
    select user_id, coalesce(newest.credit_limit, {DEFAULT_LIMIT}) as credit_limit,
        coalesce(used.reserved, 0) as reserved
    from (
        select user_id from demo.credits
        union
        select (data ->> 'user_id')::bigint from demo.events
    ) as somebody
    left join (
        select distinct on (user_id) (data ->> 'user_id')::bigint as user_id,
            (data ->> 'limit')::numeric(12, 2) as credit_limit
        from demo.events
        where type = 'credit.limited'
        order by user_id, sequence desc
    ) as newest using (user_id)
    left join (
        select (data ->> 'user_id')::bigint as user_id, sum(
            case type
                when 'payment.reserved' then (data ->> 'amount')::numeric(12, 2)
                when 'payment.released' then -(data ->> 'amount')::numeric(12, 2)
            end
        ) as reserved
        from demo.events
        group by 1
    ) as used using (user_id)
"""  # noqa: S608

RESERVATIONS = """
    select distinct on (order_id) (data ->> 'order_id')::bigint as order_id,
        (data ->> 'user_id')::bigint as user_id, (data ->> 'amount')::numeric(12, 2) as amount,
        split_part(type, '.', 2) as state
    from demo.events
    where type like 'payment.%'
    order by order_id, sequence desc
"""

FOLDS = (
    Fold(
        "credit_limits",
        LIMITS,
        "select event_id, user_id, credit_limit from demo.credit_limits",
        key="event_id",
    ),
    Fold(
        "credits",
        CREDITS,
        "select user_id, credit_limit, reserved from demo.credits",
        key="user_id",
    ),
    Fold(
        "reservations",
        RESERVATIONS,
        # A tombstone is no event's sum: nothing was reserved, and nothing is told.
        "select order_id, user_id, amount, state from demo.reservations where amount is not null",
        key="order_id",
    ),
)
