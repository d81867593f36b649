-- How an event belongs to others: the CloudEvents extensions that travel with it. Events from before this file have none.

alter table demo.events
    add column partitionkey text,
    add column correlationid uuid,
    add column causationid uuid;

comment on column demo.events.partitionkey is 'The user''s id: events of one user keep their order on every broker.';
comment on column demo.events.correlationid is 'The event that began it all; of the first one, its own id. All events of one story have the same.';
comment on column demo.events.causationid is 'The event that led to this one. Null where a command or a deadline did.';
