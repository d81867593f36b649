-- What is known of the logs that the read model is made of. A replay from another log, or from one
-- that has lost its end, would replace what is right by what is not. This is no part of the read
-- model: a replay does not build it anew.

create table demo.known_logs (
    source    text not null,
    log_id    uuid not null,
    position  bigint not null,
    constraint known_logs_pkey primary key (source)
);

comment on table demo.known_logs is
    'The logs as they were last read, one row per command service. Written by replay and verify.';
comment on column demo.known_logs.source is
    'As in the events'' source: /user-service, /order-service.';
comment on column demo.known_logs.log_id is
    'The log''s own id: demo.log_identity in the command service''s database.';
comment on column demo.known_logs.position is
    'The last event that was there. A log that ends before it was restored from an older backup.';

grant select, insert, update on demo.known_logs to invoice_service;
