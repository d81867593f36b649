"""The formats an event may travel in: a word apart, so that whoever reads settings need not read
events. Next: codec.py."""

from typing import Literal

EventFormat = Literal["json", "avro"]
