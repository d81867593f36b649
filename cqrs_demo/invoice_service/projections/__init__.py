"""What events do to the read model: a list of projections, each with tables of its own.

A new one is a file here, its tables in sql/invoice_service, and its name in READ_MODEL. What
happened before it existed comes with the next `cqrs-demo replay`; verify compares it with the logs
like the others. Read read_model.py first, then invoices.py.
"""

from cqrs_demo.invoice_service.projections.invoices import Invoices
from cqrs_demo.invoice_service.projections.read_model import ReadModel
from cqrs_demo.invoice_service.projections.revenue import Revenue

READ_MODEL = ReadModel(Invoices(), Revenue())
