-- A second read model, from the same events: what came in per month, and from whom.
-- `cqrs-demo replay` fills it with all that happened before it existed.

create table demo.customer_revenue (
    month    timestamptz not null,
    user_id  bigint not null,
    orders   bigint not null,
    revenue  numeric(30, 2) not null,
    constraint customer_revenue_pkey primary key (month, user_id)
);

comment on table demo.customer_revenue is
    'Orders and revenue per month and customer. Written by the projection. A row per customer and not one per month: all orders of a month would queue for that one row.';
comment on column demo.customer_revenue.month is 'First instant of the month of purchase, UTC.';

insert into demo.read_model (table_name) values ('customer_revenue');

grant select, insert, update, delete on demo.customer_revenue to invoice_service;
