-- user-service, the command side for people and where they live.

create table demo.users (
    id               bigint generated always as identity,
    name             text not null,
    email            text not null,
    event_id         uuid not null,
    idempotency_key  text,
    request_hash     text,
    constraint users_pkey primary key (id),
    constraint users_idempotency_complete check ((idempotency_key is null) = (request_hash is null))
);

-- One account per mailbox, whatever its capitals.
create unique index users_email_key on demo.users (lower(email));
-- Partial, so that commands without a key pay nothing for it.
create unique index users_idempotency_key_key on demo.users (idempotency_key) where idempotency_key is not null;

comment on table demo.users is 'Users. Written by the create-user command.';
comment on column demo.users.event_id is 'The user.created event that announced this row.';
comment on column demo.users.idempotency_key is 'The Idempotency-Key the row was created under: a retry finds the row instead of making a second.';
comment on column demo.users.request_hash is 'SHA-256 of that request: the same key with another body is a mistake of the client.';

create table demo.accounts (
    id               bigint generated always as identity,
    user_id          bigint not null,
    address1         text not null,
    city             text not null,
    state            text not null,
    zip              text not null,
    status           text not null default 'open',
    event_id         uuid not null,
    idempotency_key  text,
    request_hash     text,
    constraint accounts_pkey primary key (id),
    constraint accounts_user_id_fkey foreign key (user_id) references demo.users (id),
    constraint accounts_status_check check (status in ('open')),
    constraint accounts_idempotency_complete check ((idempotency_key is null) = (request_hash is null))
);

create unique index accounts_idempotency_key_key on demo.accounts (idempotency_key) where idempotency_key is not null;

comment on table demo.accounts is 'Shipping accounts, any number per user. Written by the create-account command.';

-- The service may add to its log and its tables. It may not rewrite history: no update, no delete on demo.events.
grant usage on schema demo to user_service;
grant select, insert on demo.users, demo.accounts, demo.events to user_service;
grant select, insert, delete on demo.outbox to user_service;
grant select on demo.events_sequence_seq to user_service;
