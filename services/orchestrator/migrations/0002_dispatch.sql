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
  id               uuid PRIMARY KEY,
  slots            jsonb NOT NULL,
  seen_at          timestamptz NOT NULL,
  redis_move       bigint NOT NULL,             -- the change of redis_move that it has followed; 0: none
  redis_configured text COLLATE "C" NOT NULL    -- fingerprint of its REDIS_URL
);

-- Which Redis has the tickets, since the queue was first moved (ADR 14): overrides REDIS_URL of every orchestrator.
CREATE TABLE redis_move (
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  move        bigint NOT NULL,                  -- rises with every change, and never falls
  place       text COLLATE "C",                 -- without user, password and options; null: what REDIS_URL says
  sealed_url  text COLLATE "C",                 -- whoever has MORNINGAI_API_KEY opens it
  fingerprint text COLLATE "C",                 -- of the whole URL
  moved_at    timestamptz,
  mover       uuid,                             -- who is about to move it, and for how long that holds
  mover_until timestamptz NOT NULL,
  CHECK ((place IS NULL) = (sealed_url IS NULL) AND (place IS NULL) = (fingerprint IS NULL))
);

GRANT SELECT, INSERT, UPDATE ON leader, redis_move TO morningai_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON orchestrators TO morningai_app;
