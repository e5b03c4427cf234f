-- tables
commits
counters WITH (fillfactor=50)
events
leases WITH (fillfactor=70)
log_identity
migrations_log
outcomes
queued_lines
streams
submissions
tasks WITH (fillfactor=70)

-- columns
commits.last_position bigint NOT NULL
commits.first_position bigint NOT NULL
commits.recorded_at timestamp with time zone NOT NULL
commits.chain bytea NOT NULL
counters.key text COLLATE "C" NOT NULL
counters.value bigint NOT NULL
events.position bigint NOT NULL
events.recorded_at timestamp with time zone NOT NULL
events.version integer NOT NULL
events.life integer NOT NULL
events.stream text COLLATE "C" NOT NULL
events.tenant text COLLATE "C" NOT NULL
events.type text COLLATE "C" NOT NULL
events.digest bytea NOT NULL
events.data json NOT NULL
leases.task_id uuid NOT NULL
leases.fence integer NOT NULL
leases.until timestamp with time zone NOT NULL
log_identity.singleton boolean NOT NULL DEFAULT true
log_identity.incarnation uuid NOT NULL DEFAULT gen_random_uuid()
log_identity.created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
migrations_log.id integer NOT NULL DEFAULT nextval('migrations_log_id_seq'::regclass)
migrations_log.name character varying(255) NOT NULL
migrations_log.run_on timestamp without time zone NOT NULL
outcomes.task_id uuid NOT NULL
outcomes.life integer NOT NULL
outcomes.position bigint NOT NULL
streams.stream text COLLATE "C" NOT NULL
streams.version integer NOT NULL
submissions.tenant text COLLATE "C" NOT NULL
submissions.idempotency_key text COLLATE "C" NOT NULL
submissions.task_id uuid NOT NULL
submissions.request_digest text COLLATE "C" NOT NULL
tasks.id uuid NOT NULL
tasks.created_at timestamp with time zone NOT NULL
tasks.updated_at timestamp with time zone NOT NULL
tasks.started_at timestamp with time zone
tasks.finished_at timestamp with time zone
tasks.wake_at timestamp with time zone
tasks.expires_at timestamp with time zone
tasks.submitted_position bigint NOT NULL
tasks.outcome_position bigint
tasks.version integer NOT NULL
tasks.fence integer NOT NULL
tasks.priority smallint NOT NULL
tasks.status text COLLATE "C" NOT NULL
tasks.tenant text COLLATE "C" NOT NULL
tasks.agent text COLLATE "C" NOT NULL
tasks.labels jsonb
tasks.state json NOT NULL

-- constraints
commits.commits_pkey PRIMARY KEY (last_position)
counters.counters_pkey PRIMARY KEY (key)
events.events_pkey PRIMARY KEY ("position")
events.events_version_check CHECK ((version > 0))
leases.leases_pkey PRIMARY KEY (task_id)
log_identity.log_identity_pkey PRIMARY KEY (singleton)
log_identity.log_identity_singleton_check CHECK (singleton)
migrations_log.migrations_log_pkey PRIMARY KEY (id)
outcomes.outcomes_pkey PRIMARY KEY (task_id, life)
streams.streams_pkey PRIMARY KEY (stream)
submissions.submissions_pkey PRIMARY KEY (tenant, idempotency_key)
tasks.tasks_check CHECK (((outcome_position IS NOT NULL) = (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))))
tasks.tasks_check1 CHECK (((wake_at IS NULL) >= (status = ANY (ARRAY['completed'::text, 'failed'::text, 'cancelled'::text]))))
tasks.tasks_pkey PRIMARY KEY (id)
tasks.tasks_priority_check CHECK (((priority >= 0) AND (priority <= 3)))
tasks.tasks_status_check CHECK ((status = ANY (ARRAY['queued'::text, 'running'::text, 'waiting'::text, 'completed'::text, 'failed'::text, 'cancelled'::text])))

-- indexes
CREATE INDEX tasks_expiring ON public.tasks USING btree (expires_at) WHERE ((expires_at IS NOT NULL) AND (status = ANY (ARRAY['queued'::text, 'waiting'::text])))
CREATE INDEX tasks_failed ON public.tasks USING btree (tenant, id) WHERE (status = 'failed'::text)
CREATE INDEX tasks_open ON public.tasks USING btree (status, agent, tenant, priority, wake_at, id) WHERE (wake_at IS NOT NULL)
CREATE UNIQUE INDEX commits_pkey ON public.commits USING btree (last_position)
CREATE UNIQUE INDEX counters_pkey ON public.counters USING btree (key)
CREATE UNIQUE INDEX events_pkey ON public.events USING btree ("position")
CREATE UNIQUE INDEX events_stream_version ON public.events USING btree (stream, version)
CREATE UNIQUE INDEX leases_pkey ON public.leases USING btree (task_id)
CREATE UNIQUE INDEX log_identity_pkey ON public.log_identity USING btree (singleton)
CREATE UNIQUE INDEX migrations_log_pkey ON public.migrations_log USING btree (id)
CREATE UNIQUE INDEX outcomes_pkey ON public.outcomes USING btree (task_id, life)
CREATE UNIQUE INDEX streams_pkey ON public.streams USING btree (stream)
CREATE UNIQUE INDEX submissions_pkey ON public.submissions USING btree (tenant, idempotency_key)
CREATE UNIQUE INDEX tasks_pkey ON public.tasks USING btree (id)

-- triggers
CREATE TRIGGER commits_append_only BEFORE DELETE OR UPDATE ON public.commits FOR EACH ROW EXECUTE FUNCTION refuse_change()
CREATE TRIGGER commits_no_truncate BEFORE TRUNCATE ON public.commits FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION refuse_change()
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()

-- functions
CREATE OR REPLACE FUNCTION public.append(c_stream text[], c_task uuid[], c_tenant text[], c_expected integer[], c_events integer[], c_first integer[], c_last integer[], c_life integer[], c_key text[], c_request_digest text[], c_lease_fence integer[], c_only_when text[], c_status text[], c_fence integer[], c_wake_in_ms bigint[], c_starts boolean[], c_ends boolean[], c_state text[], c_agent text[], c_priority integer[], c_expires_in_ms bigint[], c_labels text[], e_command integer[], e_stream text[], e_version integer[], e_type text[], e_digest bytea[], e_data text[], k_key text[], k_rise bigint[], k_lowest bigint[], k_change bigint[], g_command integer[], g_counter integer[], g_delta integer[], g_max bigint[])
 RETURNS TABLE(first_position bigint, recorded_at timestamp with time zone, refused json)
 LANGUAGE plpgsql
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET jit TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  now_at       timestamptz;
  head         bigint;
  chain_before bytea;
  verdicts     smallint[];    -- per command: 0 accepted, 1 conflict, 2 duplicate, 3 leased, 4 early, 5 limited
  amounts      bigint[];      -- per counter
  changes      bigint[] := k_change;
  places       int[];         -- per event: how many are accepted up to it; null: all are
  appended     int := array_length(e_command, 1);
  to_change    bigint;
  changed      bigint;
  guards       int := coalesce(array_length(g_command, 1), 0);
  g            int := 1;
  g_end        int;
  fits         boolean;
BEGIN
  PERFORM take_append_lock();
  now_at := clock_timestamp();

  SELECT c.last_position, c.chain INTO head, chain_before FROM commits c ORDER BY c.last_position DESC LIMIT 1;
  head := coalesce(head, 0);

  -- A subquery on a key that ends in LIMIT is an index probe, whatever the planner believed when the plan was made; a join is not.
  SELECT array_agg(
    CASE
      WHEN a.key IS NOT NULL AND
        (SELECT sub.task_id FROM submissions sub WHERE sub.tenant = a.tenant AND sub.idempotency_key = a.key) IS NOT NULL
        THEN 2
      WHEN coalesce(
        CASE WHEN a.task IS NULL THEN (SELECT st.version FROM streams st WHERE st.stream = a.stream) ELSE t.version END, 0
      ) <> a.expected
        THEN 1
      -- The first lease of an attempt is its wake_at; heartbeats renew it in `leases`.
      WHEN a.lease_fence IS NOT NULL AND now_at < greatest(
        t.wake_at, (SELECT le.until FROM leases le WHERE le.task_id = a.task AND le.fence = a.lease_fence))
        THEN 3
      WHEN CASE a.only_when
          WHEN 'due' THEN t.wake_at > now_at OR coalesce(t.expires_at <= now_at, false)
          WHEN 'over' THEN t.wake_at > now_at
          WHEN 'expired' THEN coalesce(t.expires_at > now_at, true)
        END
        THEN 4
      ELSE 0
    END::smallint ORDER BY a.no)
  INTO verdicts
  FROM unnest(c_stream, c_task, c_tenant, c_expected, c_key, c_lease_fence, c_only_when)
    WITH ORDINALITY AS a(stream, task, tenant, expected, key, lease_fence, only_when, no)
  LEFT JOIN LATERAL (SELECT t.version, t.wake_at, t.expires_at FROM tasks t WHERE t.id = a.task LIMIT 1) t ON true;

  SELECT array_agg(coalesce((SELECT co.value FROM counters co WHERE co.key = k.key), 0) ORDER BY k.no) INTO amounts
  FROM unnest(k_key) WITH ORDINALITY AS k(key, no);
  -- Where even the sum of all rises keeps every limit, the order does not matter.
  SELECT coalesce(bool_and(amounts[k.no] + k.rise <= k.lowest), true) INTO fits
  FROM unnest(k_rise, k_lowest) WITH ORDINALITY AS k(rise, lowest, no) WHERE k.lowest IS NOT NULL;
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
  IF 0 <> ANY (verdicts) THEN
    -- Every counter has a guard; a join of the two would, without a hash, look at each guard once per counter.
    SELECT array_agg(s.change ORDER BY s.counter) INTO changes
    FROM (
      SELECT g.counter, coalesce(sum(g.delta) FILTER (WHERE verdicts[g.command] = 0), 0) AS change
      FROM unnest(g_command, g_counter, g_delta) AS g(command, counter, delta)
      GROUP BY g.counter
    ) s;
    SELECT array_agg(s.place ORDER BY s.no), max(s.place) INTO places, appended
    FROM (
      SELECT e.no, count(*) FILTER (WHERE verdicts[e.command] = 0) OVER (ORDER BY e.no ROWS UNBOUNDED PRECEDING)::int AS place
      FROM unnest(e_command) WITH ORDINALITY AS e(command, no)
    ) s;
  END IF;
  INSERT INTO counters AS c (key, value)
  SELECT k.key, k.change FROM unnest(k_key, changes) AS k(key, change) WHERE k.change <> 0
  ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value;

  SELECT count(*) INTO to_change
  FROM unnest(c_task, c_expected) WITH ORDINALITY AS a(task, expected, no)
  WHERE a.expected > 0 AND a.task IS NOT NULL AND verdicts[a.no] = 0;

  IF appended > 0 THEN
    INSERT INTO events (position, recorded_at, version, life, stream, tenant, type, digest, data)
    SELECT head + coalesce(places[e.no], e.no), now_at, e.version, c_life[e.command], e.stream, c_tenant[e.command], e.type, e.digest,
           e.data::json
    FROM unnest(e_command, e_stream, e_version, e_type, e_digest, e_data)
      WITH ORDINALITY AS e(command, stream, version, type, digest, data, no)
    WHERE verdicts[e.command] = 0;

    IF array_position(c_expected, 0) IS NOT NULL THEN
      INSERT INTO tasks (id, created_at, updated_at, started_at, finished_at, wake_at, expires_at, submitted_position, outcome_position,
                         version, fence, priority, status, tenant, agent, labels, state)
      SELECT a.task, now_at, now_at, CASE WHEN a.starts THEN now_at END, CASE WHEN a.ends THEN now_at END,
             CASE WHEN NOT a.ends THEN now_at + a.wake_in_ms * interval '1 millisecond' END,
             now_at + a.expires_in_ms * interval '1 millisecond',
             head + coalesce(places[a.first], a.first), CASE WHEN a.ends THEN head + coalesce(places[a.last], a.last) END,
             a.events, a.fence, a.priority, a.status, a.tenant, a.agent, a.labels::jsonb, a.state::json
      FROM unnest(c_task, c_expected, c_events, c_first, c_last, c_status, c_fence, c_wake_in_ms, c_starts, c_ends, c_state,
                  c_tenant, c_agent, c_priority, c_expires_in_ms, c_labels)
        WITH ORDINALITY AS a(task, expected, events, first, last, status, fence, wake_in_ms, starts, ends, state,
                             tenant, agent, priority, expires_in_ms, labels, no)
      WHERE a.expected = 0 AND a.task IS NOT NULL AND verdicts[a.no] = 0;
    END IF;

    IF to_change > 0 THEN
      UPDATE tasks t SET
        updated_at = now_at,
        started_at = CASE WHEN a.starts THEN now_at ELSE t.started_at END,
        finished_at = CASE WHEN a.ends THEN now_at END,
        wake_at = CASE WHEN NOT a.ends THEN coalesce(now_at + a.wake_in_ms * interval '1 millisecond', t.wake_at) END,
        -- After an outcome only a retry comes, and its life does not expire.
        expires_at = CASE WHEN t.outcome_position IS NULL THEN t.expires_at END,
        outcome_position = CASE WHEN a.ends THEN head + coalesce(places[a.last], a.last) END,
        version = a.expected + a.events, fence = a.fence, status = a.status, state = a.state::json
      FROM unnest(c_task, c_expected, c_events, c_last, c_status, c_fence, c_wake_in_ms, c_starts, c_ends, c_state)
        WITH ORDINALITY AS a(task, expected, events, last, status, fence, wake_in_ms, starts, ends, state, no)
      WHERE t.id = a.task AND a.expected > 0 AND verdicts[a.no] = 0;
      GET DIAGNOSTICS changed = ROW_COUNT;
      IF changed <> to_change THEN
        RAISE EXCEPTION 'the row of a task was deleted while it was changed' USING ERRCODE = 'serialization_failure';
      END IF;
    END IF;

    IF array_position(c_task, NULL) IS NOT NULL THEN
      INSERT INTO streams (stream, version)
      SELECT a.stream, a.expected + a.events
      FROM unnest(c_stream, c_expected, c_events, c_task) WITH ORDINALITY AS a(stream, expected, events, task, no)
      WHERE verdicts[a.no] = 0 AND a.task IS NULL AND a.events > 0
      ON CONFLICT (stream) DO UPDATE SET version = excluded.version;
    END IF;

    IF true = ANY (c_ends) THEN
      INSERT INTO outcomes (task_id, life, position)
      SELECT a.task, a.life, head + coalesce(places[a.last], a.last)
      FROM unnest(c_task, c_last, c_life, c_ends) WITH ORDINALITY AS a(task, last, life, ends, no)
      WHERE a.ends AND verdicts[a.no] = 0;
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
                  || string_agg(e.digest, ''::bytea ORDER BY e.no))
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
END $function$
CREATE OR REPLACE FUNCTION public.drop_empty_counters(keys text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  PERFORM take_append_lock();
  DELETE FROM counters c WHERE c.key = ANY (keys) AND c.value = 0;
END $function$
CREATE OR REPLACE FUNCTION public.drop_submissions(tenants text[], keys text[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  dropped int;
BEGIN
  PERFORM take_append_lock();
  DELETE FROM submissions s USING unnest(tenants, keys) AS k(tenant, key)
  WHERE s.tenant = k.tenant AND s.idempotency_key = k.key
    AND NOT EXISTS (
      SELECT FROM events e WHERE e.stream = 'task/' || s.task_id AND e.version = 1 AND e.tenant = s.tenant
        AND e.data ->> 'idempotencyKey' = s.idempotency_key);
  GET DIAGNOSTICS dropped = ROW_COUNT;
  RETURN dropped;
END $function$
CREATE OR REPLACE FUNCTION public.mend_counters(replay_pid integer, keys text[], changes bigint[])
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  PERFORM take_append_lock();
  IF NOT EXISTS (
    SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid = replay_pid AND l.granted
      AND (l.classid::bigint << 32 | l.objid::bigint) = 7233641904616
  ) THEN
    RETURN false;
  END IF;
  INSERT INTO counters AS c (key, value)
  SELECT k.key, k.change FROM unnest(keys, changes) AS k(key, change)
  ON CONFLICT (key) DO UPDATE SET value = c.value + excluded.value;
  DELETE FROM counters c WHERE c.key = ANY (keys) AND c.value = 0;
  RETURN true;
END $function$
CREATE OR REPLACE FUNCTION public.mend_streams(names text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
BEGIN
  PERFORM take_append_lock();
  DELETE FROM streams s WHERE s.stream = ANY (names);
  INSERT INTO streams
  SELECT n.name, e.version
  FROM unnest(names) AS n(name)
  CROSS JOIN LATERAL (SELECT e.version FROM events e WHERE e.stream = n.name ORDER BY e.version DESC LIMIT 1) e
  WHERE n.name NOT LIKE 'task/%';
END $function$
CREATE OR REPLACE FUNCTION public.mend_tasks(wanted json)
 RETURNS uuid[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET jit TO 'off'
AS $function$
DECLARE
  settled uuid[];
BEGIN
  IF json_array_length(wanted -> 'versions') > 500 THEN
    RAISE EXCEPTION 'over 500 tasks at once' USING ERRCODE = 'program_limit_exceeded';
  END IF;
  PERFORM take_append_lock();
  SELECT coalesce(array_agg(w.id ORDER BY w.id), '{}') INTO settled
  FROM json_to_recordset(wanted -> 'versions') AS w(id uuid, version int)
  WHERE w.version = coalesce(
    (SELECT e.version FROM events e WHERE e.stream = 'task/' || w.id ORDER BY e.version DESC LIMIT 1), 0);

  DELETE FROM tasks t WHERE t.id = ANY (settled);
  INSERT INTO tasks SELECT r.* FROM json_populate_recordset(NULL::tasks, wanted -> 'tasks') r WHERE r.id = ANY (settled);
  DELETE FROM outcomes o WHERE o.task_id = ANY (settled);
  INSERT INTO outcomes
  SELECT r.* FROM json_populate_recordset(NULL::outcomes, wanted -> 'outcomes') r WHERE r.task_id = ANY (settled);
  INSERT INTO submissions AS s
  SELECT r.* FROM json_populate_recordset(NULL::submissions, wanted -> 'submissions') r WHERE r.task_id = ANY (settled)
  ON CONFLICT (tenant, idempotency_key) DO UPDATE SET task_id = excluded.task_id, request_digest = excluded.request_digest;
  RETURN settled;
END $function$
CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $function$
CREATE OR REPLACE FUNCTION public.take_append_lock()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'the append lock needs read committed' USING ERRCODE = 'feature_not_supported';
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
  PERFORM pg_advisory_xact_lock(7233641904615);
END $function$

-- grants
GRANT USAGE ON SCHEMA public TO PUBLIC
GRANT USAGE ON SCHEMA public TO morningai_app
GRANT EXECUTE ON append(text[],uuid[],text[],integer[],integer[],integer[],integ TO PUBLIC
GRANT INSERT, SELECT ON commits TO morningai_app
GRANT INSERT, SELECT, UPDATE ON counters TO morningai_app
GRANT EXECUTE ON drop_empty_counters(text[]) TO morningai_app
GRANT EXECUTE ON drop_submissions(text[],text[]) TO morningai_app
GRANT INSERT, SELECT ON events TO morningai_app
GRANT DELETE, INSERT, SELECT, UPDATE ON leases TO morningai_app
GRANT SELECT ON log_identity TO morningai_app
GRANT EXECUTE ON mend_counters(integer,text[],bigint[]) TO morningai_app
GRANT EXECUTE ON mend_streams(text[]) TO morningai_app
GRANT EXECUTE ON mend_tasks(json) TO morningai_app
GRANT INSERT, SELECT ON outcomes TO morningai_app
GRANT SELECT ON queued_lines TO morningai_app
GRANT EXECUTE ON refuse_change() TO PUBLIC
GRANT INSERT, SELECT, UPDATE ON streams TO morningai_app
GRANT INSERT, SELECT ON submissions TO morningai_app
GRANT EXECUTE ON take_append_lock() TO PUBLIC
GRANT INSERT, SELECT, UPDATE ON tasks TO morningai_app

-- settings of morningai_app
lock_timeout=2s
statement_timeout=3s
transaction_timeout=5s
