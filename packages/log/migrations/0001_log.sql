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
-- The one extra index: what is due, per agent in order of urgency; and whose lease has run out.
CREATE INDEX tasks_open ON tasks (status, agent, priority, wake_at, id) WHERE wake_at IS NOT NULL;

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

-- Appends a batch in one autocommit statement. Arrays run in parallel: c_ one element per command (at most one command
-- per stream), e_ one per event in order, k_ one per counter, g_ one per guard in order of command. Returns where the accepted
-- events begin, and the refused commands: {"command": n, "reason": "conflict|duplicate|leased|early|limited", …}.
CREATE FUNCTION append(
  c_stream text[], c_expected int[], c_events int[], c_life int[], c_tenant text[], c_key text[], c_request_digest text[],
  c_lease_fence int[], c_due_only boolean[],
  c_task uuid[], c_agent text[], c_priority int[], c_status text[], c_fence int[],
  c_wake_in_ms bigint[], c_starts boolean[], c_ends boolean[], c_labels text[], c_state text[],
  e_command int[], e_stream text[], e_tenant text[], e_version int[], e_life int[], e_type text[], e_digest text[], e_data text[],
  k_key text[],
  g_command int[], g_counter int[], g_delta bigint[], g_max bigint[]
) RETURNS TABLE (first_position bigint, recorded_at timestamptz, refused json)
-- A plan made while a table was small must not scan it when it has grown: probes only, planned once per session.
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan SET jit = off AS $$
#variable_conflict use_column
DECLARE
  now_at       timestamptz;
  head         bigint;
  chain_before bytea;
  appended     bigint;
  verdicts     smallint[];    -- per command: 0 accepted, 1 conflict, 2 duplicate, 3 leased, 4 early, 5 limited
  amounts      bigint[];      -- per counter
  guards       int := coalesce(array_length(g_command, 1), 0);
  g            int := 1;
  g_end        int;
  fits         boolean;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append needs read committed' USING ERRCODE = 'feature_not_supported';
  END IF;
  -- Nobody sits on the lock: whoever called this inside a transaction of his own and stalls loses that transaction. A timer that
  -- runs already is not shortened by a new value, hence the 0 first. Later appends of that transaction do not wind it up again.
  IF current_setting('transaction_timeout') <> '5s' THEN
    PERFORM set_config('transaction_timeout', '0', true);
    PERFORM set_config('transaction_timeout', '5s', true);
  END IF;
  PERFORM set_config('lock_timeout', '2s', true);
  -- Accepted means durable, whatever the session or the database was set to.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  PERFORM pg_advisory_xact_lock(7233641904615);    -- held until the commit is durable; each statement below sees all before it
  now_at := clock_timestamp();

  SELECT c.last_position, c.chain INTO head, chain_before FROM commits c ORDER BY c.last_position DESC LIMIT 1;
  head := coalesce(head, 0);

  -- A scalar subquery on a key is an index probe, whatever the planner believed when the plan was made; a join is not.
  SELECT array_agg(
    CASE
      WHEN a.key IS NOT NULL AND
        (SELECT sub.task_id FROM submissions sub WHERE sub.tenant = a.tenant AND sub.idempotency_key = a.key) IS NOT NULL
        THEN 2
      WHEN coalesce(
        CASE WHEN a.task IS NULL
          THEN (SELECT st.version FROM streams st WHERE st.stream = a.stream)
          ELSE (SELECT t.version FROM tasks t WHERE t.id = a.task)
        END, 0) <> a.expected
        THEN 1
      -- The first lease of an attempt is its wake_at; heartbeats renew it in `leases`.
      WHEN a.lease_fence IS NOT NULL AND now_at < greatest(
        (SELECT t.wake_at FROM tasks t WHERE t.id = a.task),
        (SELECT le.until FROM leases le WHERE le.task_id = a.task AND le.fence = a.lease_fence))
        THEN 3
      WHEN a.due_only AND (SELECT t.wake_at FROM tasks t WHERE t.id = a.task) > now_at
        THEN 4
      ELSE 0
    END::smallint ORDER BY a.no)
  INTO verdicts
  FROM unnest(c_stream, c_expected, c_tenant, c_key, c_lease_fence, c_due_only, c_task)
    WITH ORDINALITY AS a(stream, expected, tenant, key, lease_fence, due_only, task, no);

  IF array_remove(g_max, NULL) <> '{}' THEN
    SELECT array_agg(coalesce((SELECT co.value FROM counters co WHERE co.key = k.key), 0) ORDER BY k.no) INTO amounts
    FROM unnest(k_key) WITH ORDINALITY AS k(key, no);
    -- Where even the sum of all rises keeps every limit, the order does not matter.
    SELECT coalesce(bool_and(coalesce(amounts[s.counter] + s.rise <= s.lowest, true)), true) INTO fits
    FROM (
      SELECT g.counter, sum(greatest(g.delta, 0)) AS rise, min(g.max) AS lowest
      FROM unnest(g_command, g_counter, g_delta, g_max) AS g(command, counter, delta, max)
      WHERE verdicts[g.command] = 0 GROUP BY g.counter
    ) s;
    IF NOT fits THEN
      WHILE g <= guards LOOP
        g_end := g;
        fits := verdicts[g_command[g]] = 0;
        WHILE g_end <= guards AND g_command[g_end] = g_command[g] LOOP
          fits := fits AND (g_max[g_end] IS NULL OR amounts[g_counter[g_end]] + g_delta[g_end] <= g_max[g_end]);
          g_end := g_end + 1;
        END LOOP;
        IF fits THEN
          FOR i IN g .. g_end - 1 LOOP
            amounts[g_counter[i]] := amounts[g_counter[i]] + g_delta[i];
          END LOOP;
        ELSIF verdicts[g_command[g]] = 0 THEN
          verdicts[g_command[g]] := 5;
        END IF;
        g := g_end;
      END LOOP;
    END IF;
  END IF;
  IF guards > 0 THEN
    INSERT INTO counters AS c (key, value)
    SELECT k_key[s.counter], s.change
    FROM (
      SELECT g.counter, sum(g.delta) AS change
      FROM unnest(g_command, g_counter, g_delta) AS g(command, counter, delta)
      WHERE verdicts[g.command] = 0 GROUP BY g.counter
    ) s
    WHERE s.change <> 0
    ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value;
  END IF;

  INSERT INTO events (position, recorded_at, version, life, stream, tenant, type, digest, data)
  SELECT head + row_number() OVER (ORDER BY e.no), now_at, e.version, e.life, e.stream, e.tenant, e.type,
         decode(e.digest, 'hex'), e.data::json
  FROM unnest(e_command, e_stream, e_tenant, e_version, e_life, e_type, e_digest, e_data)
    WITH ORDINALITY AS e(command, stream, tenant, version, life, type, digest, data, no)
  WHERE verdicts[e.command] = 0;
  GET DIAGNOSTICS appended = ROW_COUNT;

  IF appended > 0 THEN
    INSERT INTO tasks AS t (id, created_at, updated_at, started_at, finished_at, wake_at, submitted_position, outcome_position,
                            version, fence, priority, status, tenant, agent, labels, state)
    SELECT a.task, now_at, now_at, CASE WHEN a.starts THEN now_at END, CASE WHEN a.ends THEN now_at END,
           CASE WHEN NOT a.ends THEN now_at + a.wake_in_ms * interval '1 millisecond' END,
           a.last_position - a.events + 1, CASE WHEN a.ends THEN a.last_position END,
           a.expected + a.events, a.fence, a.priority, a.status, a.tenant, a.agent, a.labels::jsonb, a.state::json
    FROM (
      SELECT a.*, head + sum(a.events) OVER (ORDER BY a.no ROWS UNBOUNDED PRECEDING) AS last_position
      FROM unnest(c_expected, c_events, c_tenant, c_task, c_agent, c_priority, c_status, c_fence,
                  c_wake_in_ms, c_starts, c_ends, c_labels, c_state)
        WITH ORDINALITY AS a(expected, events, tenant, task, agent, priority, status, fence,
                             wake_in_ms, starts, ends, labels, state, no)
      WHERE verdicts[a.no] = 0
    ) a
    WHERE a.task IS NOT NULL
    ON CONFLICT (id) DO UPDATE SET
      updated_at = excluded.updated_at,
      started_at = coalesce(excluded.started_at, t.started_at),
      finished_at = excluded.finished_at,
      wake_at = CASE WHEN excluded.finished_at IS NULL THEN coalesce(excluded.wake_at, t.wake_at) END,
      outcome_position = excluded.outcome_position,
      version = excluded.version, fence = excluded.fence, status = excluded.status, state = excluded.state;

    IF array_position(c_task, NULL) IS NOT NULL THEN
      INSERT INTO streams (stream, version)
      SELECT a.stream, a.expected + a.events
      FROM unnest(c_stream, c_expected, c_events, c_task) WITH ORDINALITY AS a(stream, expected, events, task, no)
      WHERE verdicts[a.no] = 0 AND a.task IS NULL AND a.events > 0
      ON CONFLICT (stream) DO UPDATE SET version = excluded.version;
    END IF;

    IF true = ANY (c_ends) THEN
      INSERT INTO outcomes (task_id, life, position)
      SELECT a.task, a.life, a.last_position
      FROM (
        SELECT a.*, head + sum(a.events) OVER (ORDER BY a.no ROWS UNBOUNDED PRECEDING) AS last_position
        FROM unnest(c_events, c_life, c_task, c_ends) WITH ORDINALITY AS a(events, life, task, ends, no)
        WHERE verdicts[a.no] = 0
      ) a
      WHERE a.ends;
    END IF;

    IF array_remove(c_key, NULL) <> '{}' THEN
      INSERT INTO submissions (tenant, idempotency_key, task_id, request_digest)
      SELECT a.tenant, a.key, a.task, a.request_digest
      FROM unnest(c_tenant, c_key, c_request_digest, c_task) WITH ORDINALITY AS a(tenant, key, request_digest, task, no)
      WHERE verdicts[a.no] = 0 AND a.key IS NOT NULL;
    END IF;

    INSERT INTO commits (last_position, first_position, recorded_at, chain)
    SELECT head + appended, head + 1, now_at,
           sha256(coalesce(chain_before, ''::bytea) || int8send(head + 1)
                  || int8send((extract(epoch FROM now_at) * 1000000)::bigint)
                  || string_agg(decode(e.digest, 'hex'), ''::bytea ORDER BY e.no))
    FROM unnest(e_command, e_digest) WITH ORDINALITY AS e(command, digest, no)
    WHERE verdicts[e.command] = 0;
  END IF;

  first_position := CASE WHEN appended > 0 THEN head + 1 END;
  recorded_at := now_at;
  IF 0 <> ANY (verdicts) THEN
    SELECT json_agg(json_build_object(
        'command', v.no - 1,
        'reason', (ARRAY['conflict', 'duplicate', 'leased', 'early', 'limited'])[v.verdict],
        'taskId', s.task_id, 'requestDigest', s.request_digest) ORDER BY v.no)
    INTO refused
    FROM unnest(verdicts, c_tenant, c_key) WITH ORDINALITY AS v(verdict, tenant, key, no)
    LEFT JOIN LATERAL (
      SELECT sub.task_id, sub.request_digest FROM submissions sub
      WHERE v.verdict = 2 AND sub.tenant = v.tenant AND sub.idempotency_key = v.key LIMIT 1
    ) s ON true
    WHERE v.verdict <> 0;
  END IF;
  RETURN NEXT;
END $$;

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
GRANT SELECT ON log_identity TO morningai_app;
GRANT SELECT, INSERT ON events, commits, outcomes, submissions TO morningai_app;
GRANT SELECT, INSERT, UPDATE ON streams, tasks, counters TO morningai_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO morningai_app;
