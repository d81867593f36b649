-- Replay builds the read model a second time, in schema `shadow`, and swaps it in.
--
-- The service's role may fill the shadow. To make, drop and swap tables is not among its rights: these functions do it
-- with their owner's, take no argument, and do nothing else. So the role still cannot touch a table's definition.

create schema shadow;

create table demo.read_model (
    table_name  name not null,
    constraint read_model_pkey primary key (table_name)
);

comment on table demo.read_model is 'The tables that are made of events alone, which replay builds anew. A file that adds such a table adds its name here.';

insert into demo.read_model (table_name)
values ('invoice_account'), ('invoices'), ('invoice_lines'), ('user_history'), ('address_history'), ('processed_events');

create function demo.drop_shadow() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    leftover name;
begin
    for leftover in select tablename from pg_tables where schemaname = 'shadow' loop
        execute format('drop table shadow.%I', leftover);
    end loop;
end;
$$;

-- Empty twins of the live tables, with their keys, under the same names. Other indexes come last, with complete_shadow():
-- to build one over a million rows costs a fraction of a million insertions at random places.
create function demo.make_shadow() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    live record;
    rule record;
begin
    perform demo.drop_shadow();
    for live in
        select c.oid, c.relname as name, array_to_string(c.reloptions, ', ') as options
        from demo.read_model join pg_class c on c.oid = format('demo.%I', table_name)::regclass
    loop
        execute format('create table shadow.%I (like demo.%1$I including all excluding indexes)', live.name);
        for rule in
            select conname, pg_get_constraintdef(oid) as definition from pg_constraint where conrelid = live.oid and contype in ('p', 'u')
        loop
            execute format('alter table shadow.%I add constraint %I %s', live.name, rule.conname, rule.definition);
        end loop;
        if live.options is not null then
            execute format('alter table shadow.%I set (%s)', live.name, live.options);
        end if;
        execute format('comment on table shadow.%I is %L', live.name, obj_description(live.oid, 'pg_class'));
        execute format('grant select, insert, update, delete on shadow.%I to invoice_service', live.name);
    end loop;

    create table shadow.pending (event_id uuid primary key, body text not null);
    comment on table shadow.pending is 'Events in the log that the live read model does not have yet. Written by verify.';
    grant select, insert, delete on shadow.pending to invoice_service;
end;
$$;

create function demo.complete_shadow() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    index record;
begin
    for index in
        select replace(indexdef, ' ON demo.', ' ON shadow.') as definition
        from demo.read_model join pg_indexes live on live.schemaname = 'demo' and live.tablename = table_name
        where not exists (select from pg_indexes twin where twin.schemaname = 'shadow' and twin.indexname = live.indexname)
    loop
        execute index.definition;
    end loop;
    perform demo.analyze_shadow();
end;
$$;

-- A table that grows from nothing to a million rows within a minute is too fast for autovacuum: tell the planner how big it is.
create function demo.analyze_shadow() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    twin name;
begin
    for twin in select tablename from pg_tables where schemaname = 'shadow' loop
        execute format('analyze shadow.%I', twin);
    end loop;
end;
$$;

-- The live tables go, the shadow takes their place. Raises lock_not_available when a query holds one for longer than the
-- caller's lock_timeout; the caller then rolls back, so that queries queue behind this for no longer than that, and tries again.
create function demo.swap_in_shadow() returns void
    language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    live name;
begin
    execute (select 'lock table ' || string_agg(format('demo.%I', table_name), ', ' order by table_name) || ' in access exclusive mode'
             from demo.read_model);
    for live in select table_name from demo.read_model loop
        execute format('drop table demo.%I', live);
        execute format('alter table shadow.%I set schema demo', live);
    end loop;
end;
$$;

grant usage on schema shadow to invoice_service;
grant select on demo.read_model to invoice_service;
revoke execute on function demo.drop_shadow(), demo.make_shadow(), demo.complete_shadow(), demo.analyze_shadow(), demo.swap_in_shadow() from public;
grant execute on function demo.drop_shadow(), demo.make_shadow(), demo.complete_shadow(), demo.analyze_shadow(), demo.swap_in_shadow() to invoice_service;
