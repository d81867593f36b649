-- Which events were in hand when a process died. See cqrs_demo/inbox/attempts.py.

-- Unlogged: a note costs no wait for the disk. After a crash of the server the table is empty, and nobody is under suspicion.
create unlogged table demo.attempts (
    id      bigint generated always as identity,
    events  uuid[] not null,
    began   timestamptz not null default clock_timestamp(),
    constraint attempts_pkey primary key (id)
) with (
    -- One row per batch in hand, for milliseconds: dead ones are swept early and often.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0
);

comment on table demo.attempts is
    'A row per batch in hand: committed before the batch is applied, deleted in the transaction that applies it. A row that is left over is an attempt that ended the process. Written by the consumer.';

comment on table demo.handling_attempts is
    'Not used any more: kept for consumers of the version before, which may run beside those of this one during an upgrade.';

grant select, insert, update, delete on demo.attempts to invoice_service;
