-- One account per mailbox, whatever its capitals: by Unicode's case folding, which knows that Σ, σ and ς are one letter.
-- lower() does not: it makes ΑΣ to ας or ασ, depending on where the letter stands. The collation is named, so that the rule
-- is the same whatever the locale of the server.

do $$
declare
    twins text;
begin
    select string_agg(ids, '; ') into twins
    from (
        select 'users ' || string_agg(id::text, ', ' order by id) as ids
        from demo.users
        group by casefold(email collate pg_unicode_fast)
        having count(*) > 1
        limit 10
    ) as clash;
    if twins is not null then
        raise exception 'emails that differ in capitals alone: %', twins
            using hint = 'Give all but one of each another email (in demo.users), then migrate again.';
    end if;
end;
$$;

drop index demo.users_email_key;
create unique index users_email_key on demo.users (casefold(email collate pg_unicode_fast));
