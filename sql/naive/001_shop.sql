-- The naive shop: both of its sides in one database. Made only where it is started (`cqrs-demo naive`, `cqrs-demo hazard`).

create table public.accounts (
    id        bigint generated always as identity,
    user_id   bigint not null,
    address1  text not null,
    city      text not null,
    state     text not null,
    zip       text not null,
    constraint accounts_pkey primary key (id)
);

comment on table public.accounts is 'Written by naive/orders.py.';

create table public.orders (
    id           bigint generated always as identity,
    user_id      bigint not null,
    description  text not null,
    amount       numeric(12, 2) not null,
    purchase_dt  timestamptz not null,
    constraint orders_pkey primary key (id)
);

comment on table public.orders is 'Written by naive/orders.py.';

create table public.customers (
    user_id           bigint not null,
    shipping_address  text not null,
    constraint customers_pkey primary key (user_id)
);

comment on table public.customers is 'What invoices need to know of a user. Written by naive/invoices.py.';

create table public.invoices (
    user_id  bigint not null,
    year     integer not null,
    month    integer not null,
    orders   jsonb not null,
    total    numeric(14, 2) not null,
    constraint invoices_pkey primary key (user_id, year, month),
    constraint invoices_user_id_fkey foreign key (user_id) references public.customers
);

comment on table public.invoices is 'One row per user and month, its orders as JSON. Written by naive/invoices.py.';

grant select, insert, update on public.accounts, public.orders, public.customers, public.invoices to naive;
