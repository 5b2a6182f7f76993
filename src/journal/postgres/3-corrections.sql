-- When the rate was used last: with the clock set back since then, what it is used up to is as much too far ahead.
ALTER TABLE callback_prioritizer.limiters ADD COLUMN used_at bigint NOT NULL DEFAULT 0;

-- When the hold was noted last. One that is noted later than now, because the clock was set back, is none.
ALTER TABLE callback_prioritizer.clients ADD COLUMN held_at bigint NOT NULL DEFAULT 0;

DROP FUNCTION callback_prioritizer.permit;

-- Asks for the right to send one request: nothing to wait for, or how long until it may be asked again. Who was alone has sent
-- what is not counted here, so the burst is used up.
CREATE FUNCTION callback_prioritizer.permit(
    p_client text, p_token integer, p_interval bigint, p_burst bigint, p_was_alone boolean
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_now bigint;
    v_held bigint;
    v_used bigint;
    v_at bigint;
    v_next bigint;
BEGIN
    SELECT used_until, used_at INTO v_used, v_at FROM callback_prioritizer.limiters
    WHERE client = p_client AND token = p_token FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO callback_prioritizer.limiters (client, token, used_until)
        VALUES (p_client, p_token, callback_prioritizer.micros()) ON CONFLICT DO NOTHING;
        SELECT used_until, used_at INTO v_used, v_at FROM callback_prioritizer.limiters
        WHERE client = p_client AND token = p_token FOR UPDATE;
    END IF;
    v_now := callback_prioritizer.micros();
    -- Kept whatever the answer is: what is forgotten would be as far ahead the next time, and nobody would send anything.
    IF v_at > v_now OR p_was_alone THEN
        v_used := v_used - greatest(v_at - v_now, 0);
        IF p_was_alone THEN
            v_used := greatest(v_used, v_now + p_interval * p_burst);
        END IF;
        UPDATE callback_prioritizer.limiters SET used_until = v_used, used_at = v_now
        WHERE client = p_client AND token = p_token;
    END IF;
    SELECT held_until INTO v_held FROM callback_prioritizer.clients
    WHERE client = p_client AND held_until > v_now AND held_at <= v_now;
    IF FOUND THEN
        RETURN v_held - v_now;
    END IF;
    v_next := greatest(v_used, v_now) + p_interval;
    IF v_next - v_now > p_interval * p_burst THEN
        RETURN v_next - v_now - p_interval * p_burst;
    END IF;
    UPDATE callback_prioritizer.limiters SET used_until = v_next, used_at = v_now
    WHERE client = p_client AND token = p_token;
    RETURN 0;
END $$;

-- Nobody sends anything for this long. A shorter hold never shortens a longer one.
CREATE OR REPLACE FUNCTION callback_prioritizer.hold(p_client text, p_time bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_now bigint;
BEGIN
    PERFORM callback_prioritizer.lock_client(p_client);
    v_now := callback_prioritizer.micros();
    UPDATE callback_prioritizer.clients SET held_at = v_now,
        held_until = CASE WHEN held_at <= v_now THEN greatest(held_until, v_now + p_time) ELSE v_now + p_time END
    WHERE client = p_client;
END $$;

-- Who asks the platform for all that wait: 'theirs' with the answer and its age, 'soon', or 'ours'. What was begun later than
-- now was begun before the clock was set back, nobody knows when.
CREATE OR REPLACE FUNCTION callback_prioritizer.sweep(
    p_client text, p_owner text, p_at_most bigint, p_patience bigint,
    OUT answer text, OUT told text, OUT age bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_now bigint;
    v_client callback_prioritizer.clients;
BEGIN
    PERFORM callback_prioritizer.lock_client(p_client);
    v_now := callback_prioritizer.micros();
    SELECT * INTO v_client FROM callback_prioritizer.clients c WHERE c.client = p_client;
    IF v_client.found IS NOT NULL AND v_now - v_client.found_begun BETWEEN 0 AND p_at_most THEN
        answer := 'theirs';
        told := v_client.found;
        age := v_now - v_client.found_begun;
    ELSIF v_client.sweeper <> p_owner AND v_client.sweep_begun > v_now - p_patience AND v_client.sweep_begun <= v_now THEN
        answer := 'soon';
    ELSE
        answer := 'ours';
        UPDATE callback_prioritizer.clients c SET sweeper = p_owner, sweep_begun = v_now WHERE c.client = p_client;
    END IF;
END $$;

-- Leaves in good order: the place is free, and who sweeps sweeps no more.
CREATE FUNCTION callback_prioritizer.leave(p_client text, p_owner text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM callback_prioritizer.lock_client(p_client);
    UPDATE callback_prioritizer.places SET sign_at = NULL WHERE client = p_client AND owner = p_owner;
    UPDATE callback_prioritizer.clients SET sweeper = NULL, sweep_begun = NULL WHERE client = p_client AND sweeper = p_owner;
END $$;

-- Whether a sign of life says that its owner lives. One that is a little ahead is from before the clock was set back a little;
-- one that is further ahead says nothing, or the dead would live for as long as the clock was set back.
CREATE FUNCTION callback_prioritizer.lives(p_sign_at bigint, p_now bigint, p_dead_after bigint)
RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(p_sign_at > p_now - p_dead_after AND p_sign_at < p_now + p_dead_after, false)
$$;

-- A sign of life. The first one takes a place: that of the same name, else one that nobody ever had, else the one whose owner
-- is gone for longest. Answers with all who have a place, or with one row that says in a word why there is none.
CREATE OR REPLACE FUNCTION callback_prioritizer.sign(
    p_client text, p_owner text, p_name text, p_since_at bigint, p_joined boolean, p_tracked bigint, p_raises bigint,
    p_claims_lost bigint, p_repairs bigint, p_places integer, p_dead_after bigint
) RETURNS TABLE (
    refusal text, place integer, name text, since_at bigint, lives boolean, me boolean, tracked bigint, raises bigint,
    claims_lost bigint, repairs bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now bigint;
    v_place integer;
BEGIN
    PERFORM callback_prioritizer.lock_client(p_client);
    v_now := callback_prioritizer.micros();
    UPDATE callback_prioritizer.places SET sign_at = v_now, tracked = p_tracked, raises = p_raises,
        claims_lost = p_claims_lost, repairs = p_repairs
    WHERE client = p_client AND owner = p_owner;
    IF NOT FOUND THEN
        IF p_joined AND EXISTS (
            SELECT FROM callback_prioritizer.places p
            WHERE p.client = p_client AND p.name = p_name
                AND callback_prioritizer.lives(p.sign_at, v_now, p_dead_after)
        ) THEN
            RETURN QUERY SELECT 'namesake', 0, '', 0::bigint, false, false, 0::bigint, 0::bigint, 0::bigint, 0::bigint;
            RETURN;
        END IF;
        SELECT p.place INTO v_place FROM callback_prioritizer.places p
        WHERE p.client = p_client AND p.name = p_name ORDER BY p.place LIMIT 1;
        IF NOT FOUND THEN
            SELECT n INTO v_place FROM generate_series(1, p_places) n
            LEFT JOIN callback_prioritizer.places p ON p.client = p_client AND p.place = n
            WHERE NOT callback_prioritizer.lives(p.sign_at, v_now, p_dead_after)
            ORDER BY p.place IS NOT NULL, p.sign_at NULLS FIRST, n LIMIT 1;
        END IF;
        IF v_place IS NULL THEN
            RETURN QUERY SELECT 'full', 0, '', 0::bigint, false, false, 0::bigint, 0::bigint, 0::bigint, 0::bigint;
            RETURN;
        END IF;
        INSERT INTO callback_prioritizer.places AS p
        VALUES (p_client, v_place, p_owner, p_name, p_since_at, v_now, p_tracked, p_raises, p_claims_lost, p_repairs)
        ON CONFLICT (client, place) DO UPDATE SET owner = excluded.owner, name = excluded.name,
            since_at = excluded.since_at, sign_at = excluded.sign_at, tracked = excluded.tracked,
            raises = excluded.raises, claims_lost = excluded.claims_lost, repairs = excluded.repairs;
    END IF;
    RETURN QUERY
        SELECT NULL::text, p.place, p.name, p.since_at, callback_prioritizer.lives(p.sign_at, v_now, p_dead_after),
            p.owner = p_owner, p.tracked, p.raises, p.claims_lost, p.repairs
        FROM callback_prioritizer.places p
        WHERE p.client = p_client AND p.sign_at IS NOT NULL ORDER BY p.place;
END $$;

-- The entry of a visit, with a row for each open write, or one without; a new entry where there is none. A claim that was made
-- later than now keeps nobody away, and a write that was confirmed later than now was confirmed now: the clock was set back.
CREATE OR REPLACE FUNCTION callback_prioritizer.entry(
    p_conversation text, p_leg text, p_queue text, p_entered_at bigint, p_kind integer, p_priority bigint,
    p_owner text, p_seen_within bigint
) RETURNS TABLE (
    now bigint, base bigint, base_step bigint, base_until bigint, fence bigint,
    last_step bigint, last_from bigint, last_to bigint, last_due_at bigint, last_covers bigint, last_at bigint,
    open_fence bigint, open_step bigint, open_from bigint, open_to bigint, open_due_at bigint, open_covers bigint,
    open_at bigint, elsewhere boolean
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_now bigint := callback_prioritizer.millis();
BEGIN
    UPDATE callback_prioritizer.visits SET seen_at = greatest(seen_at, v_now), over_at = NULL
    WHERE conversation = p_conversation AND leg = p_leg AND (over_at IS NOT NULL OR seen_at <= v_now - p_seen_within);
    -- By the time when the row is locked: another may have confirmed a write until then. It is noted, so that it gets older.
    UPDATE callback_prioritizer.visits SET last_at = callback_prioritizer.millis()
    WHERE conversation = p_conversation AND leg = p_leg AND last_at > callback_prioritizer.millis();
    INSERT INTO callback_prioritizer.visits (conversation, leg, queue, entered_at, kind, base, seen_at)
    VALUES (p_conversation, p_leg, p_queue, p_entered_at, p_kind, p_priority, v_now)
    ON CONFLICT DO NOTHING;
    RETURN QUERY
        SELECT v_now, v.base, v.base_step, v.base_until, v.fence,
            v.last_step, v.last_from, v.last_to, v.last_due_at, v.last_covers, v.last_at,
            h.fence, h.step, h.from_priority, h.to_priority, h.due_at, h.covers, h.at,
            h.fence = v.fence AND h.owner <> p_owner AND h.held_until > v_now
                AND h.at <= callback_prioritizer.millis()
        FROM callback_prioritizer.visits v
        LEFT JOIN callback_prioritizer.history h
            ON h.conversation = v.conversation AND h.leg = v.leg AND h.outcome IS NULL
        WHERE v.conversation = p_conversation AND v.leg = p_leg
        ORDER BY h.fence;
END $$;

-- Claims a step. The row of the visit is locked first, and each statement after that sees what others have done before.
CREATE OR REPLACE FUNCTION callback_prioritizer.claim(
    p_conversation text, p_leg text, p_known bigint, p_step bigint, p_from bigint, p_to bigint, p_due_at bigint,
    p_covers bigint, p_owner text, p_replica text, p_lease bigint,
    OUT answer text, OUT number bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_visit callback_prioritizer.visits;
    v_now bigint;
    v_until bigint;
BEGIN
    SELECT * INTO v_visit FROM callback_prioritizer.visits
    WHERE conversation = p_conversation AND leg = p_leg FOR UPDATE;
    IF NOT FOUND THEN
        answer := 'stale';
        RETURN;
    END IF;
    v_now := callback_prioritizer.millis();
    IF p_step <= greatest(v_visit.base_step, v_visit.last_step) THEN
        answer := 'done';
        RETURN;
    END IF;
    SELECT held_until INTO v_until FROM callback_prioritizer.history
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence = v_visit.fence
        AND owner <> p_owner AND held_until > v_now AND at <= v_now;
    IF FOUND THEN
        answer := 'held';
        number := v_until - v_now;
        RETURN;
    END IF;
    IF v_visit.fence <> p_known THEN
        answer := 'stale';
        RETURN;
    END IF;
    UPDATE callback_prioritizer.visits SET fence = fence + 1, seen_at = greatest(seen_at, v_now)
    WHERE conversation = p_conversation AND leg = p_leg;
    -- The same value again: which of the two writes brings it can never be known, and one is enough to know it by.
    UPDATE callback_prioritizer.history SET outcome = 'unconfirmed', settled_at = v_now
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND to_priority = p_to;
    INSERT INTO callback_prioritizer.history (conversation, leg, queue, step, from_priority, to_priority, due_at, covers,
        at, fence, owner, replica, held_until)
    VALUES (p_conversation, p_leg, v_visit.queue, p_step, p_from, p_to, p_due_at, p_covers,
        v_now, p_known + 1, p_owner, p_replica, v_now + p_lease);
    answer := 'granted';
    number := p_known + 1;
END $$;

DROP FUNCTION callback_prioritizer.note_pauses;

-- Notes the pause of one queue, or of all where there is none, in the place of what was noted of it before; nothing since no
-- time: that it is ended.
CREATE FUNCTION callback_prioritizer.note_pause(p_organization text, p_queue text, p_since bigint, p_until bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- One after the other: two that note at once would both keep theirs.
    LOCK TABLE callback_prioritizer.pauses IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM callback_prioritizer.pauses WHERE organization = p_organization AND queue IS NOT DISTINCT FROM p_queue;
    IF p_since IS NOT NULL THEN
        INSERT INTO callback_prioritizer.pauses (organization, queue, since_at, until_at)
        VALUES (p_organization, p_queue, p_since, p_until);
    END IF;
END $$;

DROP FUNCTION callback_prioritizer.settle;

-- Makes an open write the last one, if the visit's number is known; only this owner's, where one is named: after a failover
-- that has lost the last moment, its number may be that of another's claim. What was claimed before it is open no more; what
-- was claimed after it may still arrive.
CREATE FUNCTION callback_prioritizer.settle(
    p_conversation text, p_leg text, p_known bigint, p_open bigint, p_owner text, p_confirmed bigint, p_outcome text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_visit callback_prioritizer.visits;
    v_open callback_prioritizer.history;
    v_now bigint;
BEGIN
    SELECT * INTO v_visit FROM callback_prioritizer.visits
    WHERE conversation = p_conversation AND leg = p_leg FOR UPDATE;
    IF NOT FOUND OR v_visit.fence <> p_known THEN
        RETURN false;
    END IF;
    v_now := callback_prioritizer.millis();
    SELECT * INTO v_open FROM callback_prioritizer.history
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence = p_open
        AND (p_owner IS NULL OR owner = p_owner);
    IF NOT FOUND OR v_open.step <= greatest(v_visit.base_step, v_visit.last_step) THEN
        RETURN false;
    END IF;
    UPDATE callback_prioritizer.visits SET last_step = v_open.step, last_from = v_open.from_priority,
        last_to = coalesce(p_confirmed, v_open.to_priority), last_due_at = v_open.due_at, last_covers = v_open.covers,
        last_at = v_now
    WHERE conversation = p_conversation AND leg = p_leg;
    UPDATE callback_prioritizer.history SET settled_at = v_now,
        outcome = CASE fence WHEN p_open THEN p_outcome ELSE 'unconfirmed' END,
        to_priority = CASE fence WHEN p_open THEN coalesce(p_confirmed, to_priority) ELSE to_priority END
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence <= p_open;
    RETURN true;
END $$;

-- Gives a claim of this owner's back: the write is not there. What only this one has overtaken, an earlier write of the same
-- value, is open again, unless it was written meanwhile. The row of the visit is locked first, as for a claim.
CREATE FUNCTION callback_prioritizer.release(p_conversation text, p_leg text, p_claim bigint, p_owner text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_visit callback_prioritizer.visits;
    v_value bigint;
BEGIN
    SELECT * INTO v_visit FROM callback_prioritizer.visits
    WHERE conversation = p_conversation AND leg = p_leg FOR UPDATE;
    SELECT to_priority INTO v_value FROM callback_prioritizer.history
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence = p_claim AND owner = p_owner;
    UPDATE callback_prioritizer.history SET outcome = 'not_made', settled_at = callback_prioritizer.millis()
    WHERE conversation = p_conversation AND leg = p_leg AND (outcome IS NULL OR outcome = 'unconfirmed')
        AND fence = p_claim AND owner = p_owner;
    -- Nothing has this value where the claim was not open.
    UPDATE callback_prioritizer.history SET outcome = NULL, settled_at = NULL WHERE id = (
        SELECT id FROM callback_prioritizer.history
        WHERE conversation = p_conversation AND leg = p_leg AND outcome = 'unconfirmed' AND to_priority = v_value
            AND step > greatest(v_visit.base_step, v_visit.last_step)
        ORDER BY fence DESC LIMIT 1);
END $$;
