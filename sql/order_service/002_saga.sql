-- Orders that need credit, and orders that are cancelled.
--
-- The saga's row is the lock of such an order: whoever wants to change the order (an answer of payment-service, the
-- deadline, a cancel) takes this row first. So two of them cannot both decide.

alter table demo.orders
    add column status text not null default 'approved',
    add column reason text,
    add column needs_credit boolean not null default false,
    add column cancelled_event_id uuid,
    add constraint orders_status_check check (status in ('pending', 'approved', 'rejected', 'cancelled')),
    add constraint orders_cancelled_event_check check ((status = 'cancelled') = (cancelled_event_id is not null));

comment on table demo.orders is 'Orders. Written by the place-order and cancel-order commands, and by the saga.';
comment on column demo.orders.reason is 'Why it was rejected or cancelled.';
comment on column demo.orders.needs_credit is 'Placed at or above the approval threshold: it began as pending, and has a row in demo.order_sagas.';
comment on column demo.orders.cancelled_event_id is 'The order.cancelled event.';

create table demo.cancel_keys (
    idempotency_key  text not null,
    request_hash     text not null,
    order_id         bigint not null,
    constraint cancel_keys_pkey primary key (idempotency_key)
);

comment on table demo.cancel_keys is
    'The Idempotency-Keys under which orders were cancelled; an order that is cancelled twice may have two. Written by the cancel-order command.';

create table demo.order_sagas (
    order_id  bigint not null,
    state     text not null default 'reserving',
    began     timestamptz not null default clock_timestamp(),
    deadline  timestamptz not null,
    history   jsonb not null default '[]',
    constraint order_sagas_pkey primary key (order_id),
    constraint order_sagas_state_check check (state in ('reserving', 'approved', 'rejected', 'cancelled'))
);

create index order_sagas_waiting on demo.order_sagas (deadline) where state = 'reserving';

comment on table demo.order_sagas is
    'One row per order that needs credit: where its saga stands. Written by place-order, and by cqrs_demo/order_service/saga/.';
comment on column demo.order_sagas.deadline is 'Until when payment-service may answer. The sweep rejects the order after it.';
comment on column demo.order_sagas.history is 'A list of {at, event, event_id, state, sent}: what happened, what it led to, and which events were sent.';

grant select, insert on demo.order_sagas to order_service;
grant update (state, began, deadline, history) on demo.order_sagas to order_service;
-- What an order says of itself never changes; what becomes of it does.
grant update (status, reason, cancelled_event_id) on demo.orders to order_service;
grant select, insert on demo.cancel_keys to order_service;
