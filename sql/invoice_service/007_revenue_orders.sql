-- Revenue remembers by itself which orders it has counted. So it does not depend on another projection, and an order that is
-- told of by two events counts once.
--
-- While consumers of the version before run beside those of this one, the orders that they count are missing here, though not
-- in customer_revenue. `cqrs-demo verify` then says so, and `cqrs-demo verify --fix` mends it.

create table demo.revenue_orders (
    order_id  bigint not null,
    user_id   bigint not null,
    month     timestamptz not null,
    amount    numeric(12, 2) not null,
    constraint revenue_orders_pkey primary key (order_id)
);

comment on table demo.revenue_orders is 'The orders that are counted in customer_revenue. Written by the projection.';
comment on column demo.revenue_orders.month is 'First instant of the month of purchase, UTC.';

insert into demo.revenue_orders (order_id, user_id, month, amount)
select line.order_id, invoice.user_id, invoice.invoice_dt, line.amount
from demo.invoice_lines as line
join demo.invoices as invoice using (invoice_id);

insert into demo.read_model (table_name) values ('revenue_orders');

grant select, insert, update, delete on demo.revenue_orders to invoice_service;
