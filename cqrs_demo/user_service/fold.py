"""What user-service's events add up to. Next: outbox/fold.py."""

from cqrs_demo.contract.events import AccountCreated, UserCreated
from cqrs_demo.outbox.fold import Fold

FOLDS = (Fold("users", UserCreated), Fold("accounts", AccountCreated))
