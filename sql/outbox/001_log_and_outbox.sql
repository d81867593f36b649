-- The write side's memory, the same in every command service.
--
-- A command inserts its state row, its event and its outbox row in ONE
-- transaction. So an event exists if and only if the change it tells of does.

create table demo.events (
    sequence  bigint generated always as identity,
    id        uuid not null,
    type      text not null,
    subject   text not null,
    time      timestamptz not null default clock_timestamp(),
    data      jsonb not null,
    constraint events_pkey primary key (sequence),
    constraint events_id_key unique (id)
);

comment on table demo.events is
    'The log: every event this service ever published, append-only. Written by command handlers, read by the relay and the feed. '
    'The service''s role may insert and select; nobody updates or deletes.';
comment on column demo.events.sequence is 'Position in the log. Numbers are taken in order but may become visible out of order: see demo.log_horizon().';
comment on column demo.events.id is 'UUIDv7, the CloudEvents id: what consumers recognise a duplicate by.';
comment on column demo.events.subject is 'The id of the entity the event is about.';

create table demo.outbox (
    sequence  bigint not null,
    event_id  uuid not null,
    constraint outbox_pkey primary key (sequence)
    -- No foreign key to demo.events: one statement writes both rows, and the check would cost a row lock per event.
) with (
    -- A queue in a table: rows live for milliseconds, so dead ones are swept early and often.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0
);

comment on table demo.outbox is
    'Events the broker has not yet confirmed. Written by command handlers with the event; deleted by the relay after the confirm. Empty when all is well.';

-- A sequence number is taken before its transaction commits, so number 6 can be readable while number 5 is not.
-- A reader that has seen 6 must not go on to 7 and miss 5 for ever. Each writer therefore leaves a note first:
-- "I began when the log ended at N; anything after N may be mine". The note is an advisory lock, so it goes
-- when the transaction ends, however it ends.
create function demo.note_writer() returns trigger
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared((select case when is_called then last_value else 0 end from demo.events_sequence_seq));
    return null;
end;
$$;

create trigger note_writer before insert on demo.events
    for each statement execute function demo.note_writer();

-- Up to where the log is settled: no writer still at work can add an event at or before this position.
-- The order of the two reads matters: a writer whose note is not yet there takes its numbers after our first read.
-- Read the events in a LATER statement than this one, so that its snapshot holds everything that has settled.
create function demo.log_horizon() returns bigint
    language plpgsql volatile as $$
declare
    log_end bigint := (select case when is_called then last_value else 0 end from demo.events_sequence_seq);
    first_note bigint := (
        select min((classid::bigint << 32) | objid::bigint)
        from pg_locks
        where locktype = 'advisory' and objsubid = 1 and granted
          and database = (select oid from pg_database where datname = current_database())
    );
begin
    return least(log_end, coalesce(first_note, log_end));
end;
$$;
