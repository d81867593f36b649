-- The story of one order is found by its index, however long the log is. The event that began it has its own id as
-- correlationid and is found by that, so an order that nothing followed from costs this index nothing.

create index events_story on demo.events (correlationid) where id <> correlationid;
