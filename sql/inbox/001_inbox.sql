-- What a service needs to consume events: the same tables in every command service that does.
-- (invoice-service has its own, in invoice_service/: there the inbox is a part of the read model, and replay builds it anew.)

create table demo.processed_events (
    event_id      uuid not null,
    processed_at  timestamptz not null default clock_timestamp(),
    constraint processed_events_pkey primary key (event_id)
);

comment on table demo.processed_events is
    'The inbox: ids of the events already counted. Inserted in the transaction that applies the event, so one that is delivered twice counts once. Written by the consumer.';

create table demo.dead_letters (
    id             bigint generated always as identity,
    digest         bytea not null,
    queue          text not null,
    event_id       text,
    event_type     text,
    reason         text not null,
    error          text not null,
    body           bytea not null,
    edited_body    bytea,
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

comment on column demo.dead_letters.edited_body is 'What an operator had applied in place of body; null for a letter that was not edited.';

-- Unlogged: a note costs no wait for the disk. After a crash of the server the table is empty, and nobody is under suspicion.
create unlogged table demo.attempts (
    id      bigint generated always as identity,
    events  uuid[] not null,
    began   timestamptz not null default clock_timestamp(),
    constraint attempts_pkey primary key (id)
) with (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

comment on table demo.attempts is
    'A row per batch in hand: committed before the batch is applied, deleted in the transaction that applies it. A row that is left over is an attempt that ended the process. Written by the consumer.';

-- A service's role has the name of its database (runtime/migrations.py makes sure of it).
do $$
begin
    execute format('grant usage on schema demo to %I', current_database());
    execute format('grant select, insert on demo.processed_events to %I', current_database());
    execute format('grant select, insert, update on demo.dead_letters to %I', current_database());
    execute format('grant select, insert, update, delete on demo.attempts to %I', current_database());
end;
$$;
