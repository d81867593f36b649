-- order-service, the command side for orders.
-- There is no users table here, and no foreign key to one: this service does not know users. That is the lesson.

create table demo.orders (
    id               bigint generated always as identity,
    user_id          bigint not null,
    description      text not null,
    amount           numeric(12, 2) not null,
    purchase_dt      timestamptz not null,
    event_id         uuid not null,
    idempotency_key  text,
    request_hash     text,
    constraint orders_pkey primary key (id),
    constraint orders_amount_check check (amount > 0),
    constraint orders_idempotency_complete check ((idempotency_key is null) = (request_hash is null))
);

create unique index orders_idempotency_key_key on demo.orders (idempotency_key) where idempotency_key is not null;

comment on table demo.orders is 'Orders. Written by the place-order command.';
comment on column demo.orders.event_id is 'The order.created event that announced this row.';
comment on column demo.orders.idempotency_key is 'The Idempotency-Key the row was created under: a retry finds the row instead of making a second.';

-- The service may add to its log and its tables. It may not rewrite history: no update, no delete on demo.events.
grant usage on schema demo to order_service;
grant select, insert on demo.orders, demo.events to order_service;
grant select, insert, delete on demo.outbox to order_service;
grant select on demo.events_sequence_seq to order_service;
