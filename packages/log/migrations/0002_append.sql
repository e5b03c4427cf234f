-- Up Migration

-- Held until the commit is durable, so each statement after it sees all that was committed before.
CREATE FUNCTION take_append_lock() RETURNS void LANGUAGE plpgsql AS $$
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
END $$;

-- Appends a batch in one autocommit statement. Arrays run in parallel: c_ one element per command (at most one command per stream), e_ one
-- per event in the order of the log, g_ one per guard in order of command, k_ one per counter: what its guards come to, were all of them
-- accepted. c_first, c_last: which of the events are the command's first and last. c_expected 0: the stream is new. c_task null: it is no
-- task's. Returns where the accepted events begin, and the refused commands: {"command": n, "reason": "conflict|duplicate|leased|early|limited", …}.
CREATE FUNCTION append(
  c_stream text[], c_task uuid[], c_tenant text[], c_expected int[], c_events int[], c_first int[], c_last int[], c_life int[],
  c_key text[], c_request_digest text[], c_lease_fence int[], c_only_when text[],
  c_status text[], c_fence int[], c_wake_in_ms bigint[], c_starts boolean[], c_ends boolean[], c_state text[],
  c_agent text[], c_priority int[], c_expires_in_ms bigint[], c_labels text[],
  e_command int[], e_stream text[], e_version int[], e_type text[], e_digest bytea[], e_data text[],
  k_key text[], k_rise bigint[], k_lowest bigint[], k_change bigint[],
  g_command int[], g_counter int[], g_delta int[], g_max bigint[]
) RETURNS TABLE (first_position bigint, recorded_at timestamptz, refused json)
-- A plan made while a table was small must not scan it when it has grown: probes only, planned once per session.
LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan SET jit = off AS $$
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
END $$;
