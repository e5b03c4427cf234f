-- Up Migration

-- The log: facts in one total order. Everything else in this schema is derived from `events`, or (leases) expires by itself.

CREATE TABLE log_identity (
  singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO log_identity DEFAULT VALUES;

CREATE TABLE events (
  position    bigint PRIMARY KEY,
  recorded_at timestamptz NOT NULL,
  version     int NOT NULL CHECK (version > 0),
  life        int NOT NULL,
  stream      text COLLATE "C" NOT NULL,     -- 'task/<uuid>', 'dispatch', …
  tenant      text COLLATE "C" NOT NULL,
  type        text COLLATE "C" NOT NULL,
  digest      bytea NOT NULL,
  data        json NOT NULL                  -- RFC 8785 text as written: its sha256 is what the digest covers (ADR 2)
);
-- A safety net and the way to one stream's events. No rule relies on it, so `events` can be partitioned by position.
CREATE UNIQUE INDEX events_stream_version ON events (stream, version);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One row per append: the chain over all before it.
CREATE TABLE commits (
  last_position  bigint PRIMARY KEY,
  first_position bigint NOT NULL,
  recorded_at    timestamptz NOT NULL,
  chain          bytea NOT NULL
);
CREATE TRIGGER commits_append_only BEFORE UPDATE OR DELETE ON commits FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER commits_no_truncate BEFORE TRUNCATE ON commits FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The version of each stream that is not a task (a task's is in `tasks`).
CREATE TABLE streams (
  stream  text COLLATE "C" PRIMARY KEY,
  version int NOT NULL
);

CREATE TABLE tasks (
  id                 uuid PRIMARY KEY,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  started_at         timestamptz,
  finished_at        timestamptz,
  wake_at            timestamptz,            -- queued: due; running: the lease as first given; finished: null
  expires_at         timestamptz,            -- after it no attempt starts; null for nearly all
  submitted_position bigint NOT NULL,
  outcome_position   bigint,
  version            int NOT NULL,
  fence              int NOT NULL,
  priority           smallint NOT NULL CHECK (priority BETWEEN 0 AND 3),
  status             text COLLATE "C" NOT NULL
    CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  tenant             text COLLATE "C" NOT NULL,
  agent              text COLLATE "C" NOT NULL,
  labels             jsonb,
  state              json NOT NULL,
  CHECK ((outcome_position IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
  CHECK ((wake_at IS NULL) >= (status IN ('completed', 'failed', 'cancelled')))
) WITH (fillfactor = 70);
-- The one extra index: what is due, per agent and tenant in order of urgency, so that a tenant who is at a limit, or has a million tasks
-- waiting, costs the others one probe and not a walk past its rows; and whose lease has run out.
CREATE INDEX tasks_open ON tasks (status, agent, tenant, priority, wake_at, id) WHERE wake_at IS NOT NULL;
-- Costs nothing where nothing expires.
CREATE INDEX tasks_expiring ON tasks (expires_at) WHERE expires_at IS NOT NULL AND status IN ('queued', 'waiting');
-- The failed registry. Costs nothing where nothing fails.
CREATE INDEX tasks_failed ON tasks (tenant, id) WHERE status = 'failed';

-- Who has something queued, by skipping from one to the next along that index: one probe each, however many rows there are.
CREATE VIEW queued_lines AS
  WITH RECURSIVE line AS (
    (SELECT t.agent, t.tenant FROM tasks t WHERE t.status = 'queued' AND t.wake_at IS NOT NULL ORDER BY t.agent, t.tenant LIMIT 1)
    UNION ALL
    SELECT next.agent, next.tenant FROM line l CROSS JOIN LATERAL (
      SELECT t.agent, t.tenant FROM tasks t
      WHERE t.status = 'queued' AND t.wake_at IS NOT NULL AND (t.agent, t.tenant) > (l.agent, l.tenant)
      ORDER BY t.agent, t.tenant LIMIT 1
    ) next
  )
  SELECT agent, tenant FROM line;

-- One outcome per life of a task: held by the version check under the append lock, and again by this key.
CREATE TABLE outcomes (
  task_id  uuid NOT NULL,
  life     int NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (task_id, life)
);

-- Idempotency keys, as a tenant used them.
CREATE TABLE submissions (
  tenant          text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  task_id         uuid NOT NULL,
  request_digest  text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, idempotency_key)
);

-- Named amounts that guards check and change under the append lock.
CREATE TABLE counters (
  key   text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
) WITH (fillfactor = 50);

-- Heartbeats. Append reads this table and never writes it, so renewals and appends cannot deadlock.
CREATE TABLE leases (
  task_id uuid PRIMARY KEY,
  fence   int NOT NULL,
  until   timestamptz NOT NULL
) WITH (fillfactor = 70);

-- What the services run as. They own nothing, and of the log they may only read and insert. A role belongs to the whole
-- cluster, so another database may have made it already.
DO $$
BEGIN
  CREATE ROLE morningai_app NOLOGIN;
  ALTER ROLE morningai_app SET transaction_timeout = '5s';
  ALTER ROLE morningai_app SET lock_timeout = '2s';
  ALTER ROLE morningai_app SET statement_timeout = '3s';
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'morningai_app', 'SET') THEN
    EXECUTE format('GRANT morningai_app TO %I', current_user);
  END IF;
END $$;
GRANT USAGE ON SCHEMA public TO morningai_app;
GRANT SELECT ON log_identity, queued_lines TO morningai_app;
GRANT SELECT, INSERT ON events, commits, outcomes, submissions TO morningai_app;
GRANT SELECT, INSERT, UPDATE ON streams, tasks, counters TO morningai_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO morningai_app;
