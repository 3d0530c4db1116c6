-- Stores requests, all rows of each or none, and answers which are stored. No two are of one person for one service.
--
-- Each step takes what an earlier step has stored: a request of a person who is not known, or whose earlier use blocks it,
-- writes nothing. Any other conflict (a seat, an attempt) is an error, which undoes the whole statement.
-- It writes the rows that `request.rs` writes one by one: a new column goes into both.
-- Columns are named: a prepared statement with * of a table fails when a newer version adds a column.
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::uuid[],
        $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::timestamptz[],
        $12::text[], $13::timestamptz[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[],
        $18::text[]
    ) AS asked (
        user_id, service, turn, provider, provider_user_id, request_id,
        at, cooldown_until, expires_at, idempotency_key, remembered_until,
        scope, window_start, seat, quota_limit, fingerprint, holder,
        trace_context
    )
),
-- With the account, which is looked up by its key and locked, so that it is not forgotten before the commit. In one order,
-- so that two statements do not deadlock.
known AS MATERIALIZED (
    SELECT asked.*, account.id AS account_id
    FROM asked CROSS JOIN LATERAL (
        SELECT id FROM accounts
        WHERE accounts.provider = asked.provider AND accounts.provider_user_id = asked.provider_user_id
            AND accounts.user_id = asked.user_id AND accounts.credentials_key_id <> ''
        LIMIT 1 FOR KEY SHARE
    ) AS account
    ORDER BY asked.user_id, asked.service
),
-- The use is the lock: a concurrent request of the same person waits here, and then finds it.
used AS (
    INSERT INTO uses AS earlier (user_id, service, turn, window_start, cooldown_until, expires_at, request_id)
    SELECT user_id, service, turn, window_start, cooldown_until, expires_at, request_id FROM known
    ON CONFLICT (user_id, service) DO UPDATE SET
        turn = excluded.turn,
        window_start = excluded.window_start,
        cooldown_until = excluded.cooldown_until,
        -- That of an imported use stays.
        expires_at = greatest(earlier.expires_at, excluded.expires_at),
        request_id = excluded.request_id
    WHERE earlier.turn < excluded.turn AND earlier.cooldown_until <= (
        SELECT asked.at FROM asked WHERE asked.user_id = excluded.user_id AND asked.service = excluded.service
    )
    RETURNING earlier.user_id, earlier.service
),
attempted AS (
    INSERT INTO attempts (user_id, service, idempotency_key, position, quota_limit, expires_at)
    SELECT user_id, service, idempotency_key, seat, quota_limit, remembered_until
    FROM known JOIN used USING (user_id, service)
    WHERE idempotency_key <> ''
),
-- `public` and `ready` of an earlier registration stay.
registered AS (
    INSERT INTO registrations (
        user_id, service, account_id, request_id, public, ready, can_use_at, requested_at, announced_at, announcements
    )
    SELECT user_id, service, account_id, request_id, false, false, cooldown_until, at, at, 1
    FROM known JOIN used USING (user_id, service)
    ON CONFLICT (user_id, service) DO UPDATE SET
        account_id = excluded.account_id,
        request_id = excluded.request_id,
        can_use_at = excluded.can_use_at,
        requested_at = excluded.requested_at,
        announced_at = excluded.announced_at,
        announcements = excluded.announcements
    RETURNING registrations.user_id, registrations.service, registrations.request_id
),
put AS (
    INSERT INTO outbox (
        task, service, provider, provider_user_id, request_id, attempt, due_at, created_at, trace_context
    )
    SELECT $19, service, provider, provider_user_id, known.request_id, 0, at, at, nullif(trace_context, '')
    FROM known JOIN registered USING (user_id, service)
),
recorded AS (
    INSERT INTO places (
        service, budget, window_start, seat, user_id, turn, units, at, expires_at, fingerprint, holder
    )
    SELECT scope, $20, window_start, seat, user_id, turn, 1, at, expires_at, fingerprint, nullif(holder, '')
    FROM known JOIN registered USING (user_id, service)
)
SELECT request_id FROM registered
