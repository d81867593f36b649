-- Orders that wait for their credit, that were rejected, and that were cancelled. An invoice shows the approved ones.
--
-- While consumers of the version before run beside those of this one, they count every order as approved and leave out
-- ordered_by. `cqrs-demo verify` then says so, and `cqrs-demo verify --fix` mends it.

-- In this order: of all that is told of an order, the highest wins, in whatever order it arrives.
create type demo.line_status as enum ('pending', 'approved', 'rejected', 'cancelled');

alter table demo.invoice_lines
    add column ordered_by bigint,
    add column status demo.line_status not null default 'approved',
    add column ended_at timestamptz,
    alter column invoice_id drop not null,
    alter column description drop not null,
    alter column amount drop not null,
    alter column purchase_dt drop not null,
    alter column happened_at drop not null;

update demo.invoice_lines as line
set ordered_by = invoice.user_id
from demo.invoices as invoice
where invoice.invoice_id = line.invoice_id;

comment on table demo.invoice_lines is
    'A row per order, and the lines of the invoices: those that are approved. Adding the ten-thousandth costs what the tenth did. The order id as key means that no order can stand on an invoice twice. Written by the projection.';
comment on column demo.invoice_lines.invoice_id is 'Null, like what was ordered, while only the end of an order is known: its order.created is still on its way.';
comment on column demo.invoice_lines.ordered_by is 'The user. (Not called user_id, so that a join with demo.invoices need not say whose it means.)';
comment on column demo.invoice_lines.happened_at is 'The time of the event that approved it: the line is on the invoice from then on. Null while it is not approved.';
comment on column demo.invoice_lines.ended_at is 'The time of the event that cancelled or rejected it: the line is off the invoice from then on.';

-- Two facts, each told once, so it does not matter which comes first. An order counts while it is approved and not ended.
alter table demo.revenue_orders
    add column approved boolean not null default true,
    add column ended boolean not null default false,
    alter column month drop not null,
    alter column amount drop not null;

comment on table demo.revenue_orders is 'What is known of each order: it is counted in customer_revenue while it is approved and not ended. Written by the projection.';
