"""How the shop runs on one machine: command line, processes, benchmark, workshop. No part of the
pattern lives here."""
