-- Which log this is. A URL says where a log is read, not whose it is: after a restart, another
-- system's service may answer at the same port. So the feed says this id with every answer, and a
-- reader compares it with the one it remembers.

create table demo.log_identity (
    id        uuid not null default gen_random_uuid(),
    only_row  boolean not null default true,
    constraint log_identity_pkey primary key (id),
    constraint log_identity_only_row_key unique (only_row),
    constraint log_identity_only_row_check check (only_row)
);

comment on table demo.log_identity is
    'One row: the id of this service''s log. Made with the database and kept in every backup of it. '
    'Written by the migration, read by the feed.';

insert into demo.log_identity default values;

-- A service's role has the name of its database (runtime/migrations.py makes sure of it).
do $$
begin
    execute format('grant select on demo.log_identity to %I', current_database());
end;
$$;
