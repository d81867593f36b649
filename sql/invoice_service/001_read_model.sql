-- invoice-service, the query side: what the events amount to, in the shape in which it is asked for.
-- Nothing here is typed in by a person. All of it can be thrown away and built again from the two logs.

create table demo.invoice_account (
    user_id           bigint not null,
    name              text,
    email             text,
    user_sequence     bigint,
    shipping_address  text,
    account_sequence  bigint,
    constraint invoice_account_pkey primary key (user_id)
);

comment on table demo.invoice_account is
    'What invoices need to know of a user. Written by the projection; the row is also what a batch locks first, so that all changes to one user''s invoices happen one after another.';
comment on column demo.invoice_account.user_sequence is 'Log position of the user event shown: a newer one wins, whatever order they arrive in.';
comment on column demo.invoice_account.account_sequence is 'Log position of the account event shown: the newest account wins.';

create table demo.invoices (
    invoice_id        uuid not null,
    user_id           bigint not null,
    invoice_dt        timestamptz not null,
    email             text,
    shipping_address  text,
    total             numeric(30, 2) not null,
    constraint invoices_pkey primary key (invoice_id),
    constraint invoices_user_id_invoice_dt_key unique (user_id, invoice_dt)
);

comment on table demo.invoices is
    'One row per user and month, email and address copied in, total kept up to date: a query reads this row, it joins nothing. Written by the projection.';
comment on column demo.invoices.invoice_id is 'UUIDv5 of user, year and month: the same events always give the same invoice.';
comment on column demo.invoices.invoice_dt is 'First instant of the month, UTC.';

create table demo.invoice_lines (
    order_id     bigint not null,
    invoice_id   uuid not null,
    description  text not null,
    amount       numeric(12, 2) not null,
    purchase_dt  timestamptz not null,
    constraint invoice_lines_pkey primary key (order_id)
);

create index invoice_lines_by_invoice on demo.invoice_lines (invoice_id, purchase_dt, order_id);

comment on table demo.invoice_lines is
    'The lines of the invoices, a row each: adding the ten-thousandth costs what the tenth did. The order id as key means that no order can stand on an invoice twice. Written by the projection.';

create table demo.processed_events (
    event_id      uuid not null,
    processed_at  timestamptz not null default clock_timestamp(),
    constraint processed_events_pkey primary key (event_id)
);

comment on table demo.processed_events is
    'The inbox: ids of the events already counted. Inserted in the projection''s transaction, so an event delivered twice is applied once.';

create table demo.dead_letters (
    id             bigint generated always as identity,
    digest         bytea not null,
    queue          text not null,
    event_id       text,
    event_type     text,
    reason         text not null,
    error          text not null,
    body           bytea not null,
    failures       integer not null default 1,
    status         text not null default 'waiting',
    first_failed   timestamptz not null default clock_timestamp(),
    last_failed    timestamptz not null default clock_timestamp(),
    settled_at     timestamptz,
    constraint dead_letters_pkey primary key (id),
    constraint dead_letters_status_check check (status in ('waiting', 'retried', 'discarded'))
);

-- The same message that fails again is the same dead letter with a higher count.
create unique index dead_letters_waiting on demo.dead_letters (digest) where status = 'waiting';

comment on table demo.dead_letters is
    'Messages that could not be applied, each with its reason and its bytes, set aside so that the others flow. Written by the consumer; settled by an operator.';
comment on column demo.dead_letters.digest is 'SHA-256 of the body: what tells two failures of one message from two messages.';
comment on column demo.dead_letters.reason is 'One line to group by, without values: "amount: Input should be a valid decimal".';
comment on column demo.dead_letters.error is 'The whole error with its stack.';

create table demo.handling_attempts (
    digest    bytea not null,
    attempts  integer not null default 1,
    constraint handling_attempts_pkey primary key (digest)
);

comment on table demo.handling_attempts is
    'How often a redelivered message was begun. The note is committed BEFORE the message is handled, so it survives a message that kills the process. Written by the consumer.';

grant usage on schema demo to invoice_service;
grant select, insert, update, delete
    on demo.invoice_account, demo.invoices, demo.invoice_lines, demo.processed_events, demo.handling_attempts
    to invoice_service;
grant select, insert, update on demo.dead_letters to invoice_service;
