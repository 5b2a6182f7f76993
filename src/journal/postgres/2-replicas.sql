-- What replicas of one OAuth client share. Times are microseconds since 1970 by the clock of this database, but for since_at:
-- milliseconds by the clock of the daemon that started then.

-- One row a client: who changes places, holds or sweeps locks it first.
CREATE TABLE callback_prioritizer.clients (
    client         text    PRIMARY KEY,
    -- Nobody sends anything until then.
    held_until     bigint  NOT NULL DEFAULT 0,
    -- Who asks for all that wait, and since when.
    sweeper        text,
    sweep_begun    bigint,
    -- The newest answer, and when it was asked for.
    found          text,
    found_begun    bigint
);

-- A place that was taken once. No sign: its owner has left in good order.
CREATE TABLE callback_prioritizer.places (
    client         text    NOT NULL REFERENCES callback_prioritizer.clients,
    place          integer NOT NULL,
    owner          text    NOT NULL,
    name           text    NOT NULL,
    since_at       bigint  NOT NULL,
    sign_at        bigint,
    tracked        bigint  NOT NULL,
    raises         bigint  NOT NULL,
    claims_lost    bigint  NOT NULL,
    repairs        bigint  NOT NULL,
    PRIMARY KEY (client, place)
);

-- Channels that the next owner of a place takes up again. Sealed: no key to them is in this database.
CREATE TABLE callback_prioritizer.channels (
    client         text    NOT NULL,
    place          integer NOT NULL,
    line           integer NOT NULL,
    sealed         text    NOT NULL,
    PRIMARY KEY (client, place, line),
    FOREIGN KEY (client, place) REFERENCES callback_prioritizer.places
);

-- When the rate of each token is used up to. No token itself is in this database, but its number.
CREATE TABLE callback_prioritizer.limiters (
    client         text    NOT NULL,
    token          integer NOT NULL,
    used_until     bigint  NOT NULL,
    PRIMARY KEY (client, token)
);

-- Locks the row of a client, which is made where there is none.
CREATE FUNCTION callback_prioritizer.lock_client(p_client text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM callback_prioritizer.clients WHERE client = p_client FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO callback_prioritizer.clients (client) VALUES (p_client) ON CONFLICT DO NOTHING;
        PERFORM FROM callback_prioritizer.clients WHERE client = p_client FOR UPDATE;
    END IF;
END $$;

-- A sign of life. The first one takes a place: that of the same name, else one that nobody ever had, else the one whose owner
-- is gone for longest. Answers with all who have a place, or with one row that says in a word why there is none.
CREATE FUNCTION callback_prioritizer.sign(
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
            SELECT FROM callback_prioritizer.places
            WHERE client = p_client AND name = p_name AND sign_at > v_now - p_dead_after
        ) THEN
            RETURN QUERY SELECT 'namesake', 0, '', 0::bigint, false, false, 0::bigint, 0::bigint, 0::bigint, 0::bigint;
            RETURN;
        END IF;
        SELECT p.place INTO v_place FROM callback_prioritizer.places p
        WHERE p.client = p_client AND p.name = p_name ORDER BY p.place LIMIT 1;
        IF NOT FOUND THEN
            SELECT n INTO v_place FROM generate_series(1, p_places) n
            LEFT JOIN callback_prioritizer.places p ON p.client = p_client AND p.place = n
            WHERE p.place IS NULL OR p.sign_at IS NULL OR p.sign_at <= v_now - p_dead_after
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
        SELECT NULL::text, p.place, p.name, p.since_at, p.sign_at > v_now - p_dead_after, p.owner = p_owner,
            p.tracked, p.raises, p.claims_lost, p.repairs
        FROM callback_prioritizer.places p
        WHERE p.client = p_client AND p.sign_at IS NOT NULL ORDER BY p.place;
END $$;

-- Asks for the right to send one request: nothing to wait for, or how long until it may be asked again.
CREATE FUNCTION callback_prioritizer.permit(p_client text, p_token integer, p_interval bigint, p_burst bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_now bigint;
    v_held bigint;
    v_used bigint;
    v_next bigint;
BEGIN
    SELECT used_until INTO v_used FROM callback_prioritizer.limiters
    WHERE client = p_client AND token = p_token FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO callback_prioritizer.limiters (client, token, used_until)
        VALUES (p_client, p_token, callback_prioritizer.micros()) ON CONFLICT DO NOTHING;
        SELECT used_until INTO v_used FROM callback_prioritizer.limiters
        WHERE client = p_client AND token = p_token FOR UPDATE;
    END IF;
    v_now := callback_prioritizer.micros();
    SELECT held_until INTO v_held FROM callback_prioritizer.clients WHERE client = p_client AND held_until > v_now;
    IF FOUND THEN
        RETURN v_held - v_now;
    END IF;
    -- Further ahead than it can ever be: the clock was set back.
    v_used := least(v_used, v_now + p_interval * p_burst);
    v_next := greatest(v_used, v_now) + p_interval;
    IF v_next - v_now > p_interval * p_burst THEN
        RETURN v_next - v_now - p_interval * p_burst;
    END IF;
    UPDATE callback_prioritizer.limiters SET used_until = v_next WHERE client = p_client AND token = p_token;
    RETURN 0;
END $$;

-- Nobody sends anything for this long. A shorter hold never shortens a longer one.
CREATE FUNCTION callback_prioritizer.hold(p_client text, p_time bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM callback_prioritizer.lock_client(p_client);
    UPDATE callback_prioritizer.clients
    SET held_until = greatest(held_until, callback_prioritizer.micros() + p_time)
    WHERE client = p_client;
END $$;

-- Who asks the platform for all that wait: 'theirs' with the answer and its age, 'soon', or 'ours'.
CREATE FUNCTION callback_prioritizer.sweep(
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
    IF v_client.found IS NOT NULL AND v_now - v_client.found_begun <= p_at_most THEN
        answer := 'theirs';
        told := v_client.found;
        age := greatest(0, v_now - v_client.found_begun);
    ELSIF v_client.sweeper <> p_owner AND v_client.sweep_begun > v_now - p_patience THEN
        answer := 'soon';
    ELSE
        answer := 'ours';
        UPDATE callback_prioritizer.clients c SET sweeper = p_owner, sweep_begun = v_now WHERE c.client = p_client;
    END IF;
END $$;
