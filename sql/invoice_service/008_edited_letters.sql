-- An operator may correct a message that was set aside. What came stays as it came.

alter table demo.dead_letters add column edited_body bytea;

comment on column demo.dead_letters.edited_body is 'What an operator had applied in place of body; null for a letter that was not edited. Body and digest stay those of the message that came.';
