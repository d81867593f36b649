-- A user's accounts, newest first, without a look at everybody's.

create index accounts_by_user on demo.accounts (user_id, id);
