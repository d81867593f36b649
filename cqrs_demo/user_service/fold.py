"""What user-service's events add up to. Next: outbox/fold.py."""

from cqrs_demo.outbox.fold import Fold

FOLDS = (
    Fold("users", "user.created", {"id": "bigint", "name": "text", "email": "text"}),
    Fold(
        "accounts",
        "account.created",
        {
            "id": "bigint",
            "user_id": "bigint",
            "address1": "text",
            "city": "text",
            "state": "text",
            "zip": "text",
        },
    ),
)
