"""How the shop runs on one machine: command line, processes, benchmark, controls, workshop. No part
of the pattern lives here."""
