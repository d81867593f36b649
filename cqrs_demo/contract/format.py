"""The formats an event may travel in. A module of its own, so that reading settings does not load
the contract. Next: codec.py."""

from typing import Literal

EventFormat = Literal["json", "avro"]
