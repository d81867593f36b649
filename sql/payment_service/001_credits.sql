-- payment-service: how much credit a user has, and which orders use it. It knows nothing of what becomes of an order.

create table demo.credits (
    user_id       bigint not null,
    credit_limit  numeric(12, 2) not null,
    reserved      numeric(12, 2) not null default 0,
    constraint credits_pkey primary key (user_id),
    constraint credits_reserved_check check (reserved between 0 and credit_limit)
);

comment on table demo.credits is
    'One row per user who was limited, or ever asked for credit. Also the lock of all that changes this user''s credit. Written by the limit-credit command and the consumer.';
comment on column demo.credits.reserved is 'What open reservations come to. The constraint holds whatever the code does.';

create table demo.credit_limits (
    event_id         uuid not null,
    user_id          bigint not null,
    credit_limit     numeric(12, 2) not null,
    reserved         numeric(12, 2) not null,
    idempotency_key  text,
    request_hash     text,
    constraint credit_limits_pkey primary key (event_id),
    constraint credit_limits_idempotency_complete check ((idempotency_key is null) = (request_hash is null))
);

create unique index credit_limits_idempotency_key_key on demo.credit_limits (idempotency_key) where idempotency_key is not null;

comment on table demo.credit_limits is
    'Every limit that was ever set, as it was answered: a retry finds its first answer here. Written by the limit-credit command.';

create table demo.reservations (
    order_id  bigint not null,
    user_id   bigint not null,
    amount    numeric(12, 2),
    state     text not null,
    constraint reservations_pkey primary key (order_id),
    constraint reservations_state_check check (state in ('reserved', 'refused', 'released')),
    constraint reservations_amount_check check (amount > 0),
    constraint reservations_tombstone_check check (amount is not null or state = 'released')
);

comment on table demo.reservations is
    'One row per order that asked for credit. Written by the consumer. Released without an amount is a tombstone: the release came before its reservation.';

grant usage on schema demo to payment_service;
grant select, insert, update on demo.credits, demo.reservations to payment_service;
grant select, insert on demo.credit_limits, demo.events to payment_service;
grant select, insert, delete on demo.outbox to payment_service;
grant select on demo.events_sequence_seq to payment_service;
