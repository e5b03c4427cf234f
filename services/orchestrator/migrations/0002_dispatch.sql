-- Up Migration

-- Who dispatches: a lease on Postgres' clock. The term rises with every change of leader and fences one that was frozen.
CREATE TABLE leader (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  term      bigint NOT NULL,
  holder    uuid NOT NULL,
  until     timestamptz NOT NULL
);

-- The orchestrators that live, and how many slots the workers connected to each have, per agent: {"faq": 10}.
CREATE TABLE orchestrators (
  id      uuid PRIMARY KEY,
  slots   jsonb NOT NULL,
  seen_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON leader TO morningai_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON orchestrators TO morningai_app;
