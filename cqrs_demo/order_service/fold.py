"""What order-service's events add up to. Next: outbox/fold.py."""

from cqrs_demo.outbox.fold import Fold

FOLDS = (
    Fold(
        "orders",
        "order.created",
        {
            "id": "bigint",
            "user_id": "bigint",
            "description": "text",
            "amount": "numeric(12, 2)",
            "purchase_dt": "timestamptz",
        },
    ),
)
