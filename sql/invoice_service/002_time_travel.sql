-- What "as of" needs: when each thing happened, and what was known before the newest news came.

-- Lines from before this file get their time with the next replay.
alter table demo.invoice_lines add column happened_at timestamptz not null default 'epoch';
alter table demo.invoice_lines alter column happened_at drop default;

comment on column demo.invoice_lines.happened_at is 'The event''s time: when the order was placed, as against when it was projected, and as against its purchase_dt.';

create table demo.user_history (
    user_id      bigint not null,
    sequence     bigint not null,
    happened_at  timestamptz not null,
    name         text not null,
    email        text not null,
    constraint user_history_pkey primary key (user_id, sequence)
);

comment on table demo.user_history is 'Every name and email a user ever had; demo.invoice_account has the newest. Written by the projection.';

create table demo.address_history (
    user_id           bigint not null,
    sequence          bigint not null,
    happened_at       timestamptz not null,
    shipping_address  text not null,
    constraint address_history_pkey primary key (user_id, sequence)
);

comment on table demo.address_history is 'Every shipping address a user ever had; demo.invoice_account has the newest. Written by the projection.';

grant select, insert, update, delete on demo.user_history, demo.address_history to invoice_service;
