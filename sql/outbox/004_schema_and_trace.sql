-- Which schema an event's data were written with, and which request it belongs to. Events from before this file have neither:
-- they are of the oldest version of their type.

alter table demo.events
    add column dataschema text,
    add column traceparent text;

comment on column demo.events.dataschema is 'The schema of data, with its version: cqrs-demo:order.created/2. Null: the oldest version.';
comment on column demo.events.traceparent is 'W3C trace context of the request that began it all, where it had one. What an event causes carries it on.';
