"""What user-service's events add up to. Next: outbox/fold.py."""

from cqrs_demo.contract.events import AccountCreated, UserCreated
from cqrs_demo.outbox.fold import one_row_each

FOLDS = (one_row_each("users", UserCreated), one_row_each("accounts", AccountCreated))
