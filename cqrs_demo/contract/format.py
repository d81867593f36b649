"""The formats an event may travel in. In a module of its own, so that reading settings does not load
all of the contract. Next: codec.py."""

from typing import Literal

EventFormat = Literal["json", "avro"]
