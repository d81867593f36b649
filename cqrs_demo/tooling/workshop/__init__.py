"""What notebooks hold in their hands, without asyncio. Nothing connects at import.

`Client` shows a running system as it is. `Shop` is a notebook's own view of one.
"""

from cqrs_demo.client.answer import Answer
from cqrs_demo.client.errors import NoAnswer, Refused, TookTooLong
from cqrs_demo.tooling.workshop.answers import chosen, number, placed
from cqrs_demo.tooling.workshop.client import Client
from cqrs_demo.tooling.workshop.exercise import exercise
from cqrs_demo.tooling.workshop.predict import predict
from cqrs_demo.tooling.workshop.progress import progress
from cqrs_demo.tooling.workshop.quiz import quiz
from cqrs_demo.tooling.workshop.shop import Shop

__all__ = [
    "Answer",
    "Client",
    "NoAnswer",
    "Refused",
    "Shop",
    "TookTooLong",
    "chosen",
    "exercise",
    "number",
    "placed",
    "predict",
    "progress",
    "quiz",
]
