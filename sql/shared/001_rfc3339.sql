-- In every database: how an instant is written in JSON.

create schema if not exists demo;

-- RFC 3339 in UTC: 2025-04-03T10:00:00Z, with a fraction only where there is one.
create function demo.rfc3339(moment timestamptz) returns text
    language sql stable parallel safe
    return rtrim(rtrim(to_char(moment at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US'), '0'), '.') || 'Z';
