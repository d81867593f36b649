"""What order-service's events add up to. Next: outbox/fold.py."""

from cqrs_demo.contract.events import OrderCreated
from cqrs_demo.outbox.fold import Fold

FOLDS = (Fold("orders", OrderCreated),)
