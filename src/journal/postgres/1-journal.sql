-- What a journal keeps. Times are milliseconds since 1970 by the clock of this database, but for those that the platform
-- decides: entered_at, due_at, covers, base_until, and the times of pauses.

-- One row: how many migrations were done.
CREATE TABLE callback_prioritizer.format (
    done           integer NOT NULL,
    only_one       boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one)
);
INSERT INTO callback_prioritizer.format (done) VALUES (0);

CREATE TABLE callback_prioritizer.visits (
    conversation   text    NOT NULL,
    leg            text    NOT NULL,
    queue          text,
    entered_at     bigint  NOT NULL,
    -- Bits: scheduled, agent-owned, voicemail.
    kind           integer NOT NULL,
    base           bigint  NOT NULL,
    base_step      bigint  NOT NULL DEFAULT 0,
    base_until     bigint,
    fence          bigint  NOT NULL DEFAULT 0,
    last_step      bigint,
    last_from      bigint ,
    last_to        bigint ,
    last_due_at    bigint,
    last_covers    bigint,
    last_at        bigint,
    seen_at        bigint  NOT NULL,
    over_at        bigint,
    PRIMARY KEY (conversation, leg)
);

-- One row a write, never changed after its outcome is known. No outcome: under way, or the answer was lost.
CREATE TABLE callback_prioritizer.history (
    id             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    conversation   text    NOT NULL,
    leg            text    NOT NULL,
    queue          text,
    step           bigint  NOT NULL,
    from_priority  bigint  NOT NULL,
    to_priority    bigint  NOT NULL,
    due_at         bigint  NOT NULL,
    covers         bigint  NOT NULL,
    at             bigint  NOT NULL,
    fence          bigint  NOT NULL,
    owner          text    NOT NULL,
    replica        text    NOT NULL,
    held_until     bigint  NOT NULL,
    outcome        text    CHECK (outcome IN ('raised', 'arrived', 'not_made', 'unconfirmed', 'foreign')),
    settled_at     bigint
);
CREATE UNIQUE INDEX history_open ON callback_prioritizer.history (conversation, leg, fence) WHERE outcome IS NULL;
CREATE INDEX history_at ON callback_prioritizer.history (at);
CREATE INDEX history_conversation ON callback_prioritizer.history (conversation, at);

-- One row a start of a daemon.
CREATE TABLE callback_prioritizer.runs (
    id             bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner          text    NOT NULL UNIQUE,
    replica        text    NOT NULL,
    version        text    NOT NULL,
    started_at     bigint  NOT NULL,
    alive_at       bigint  NOT NULL,
    stopped_at     bigint
);

-- In which queues nothing is raised, and until when. No queue: in all of them. No end: until it is ended.
-- The organisation is empty where there is a single one without a name.
CREATE TABLE callback_prioritizer.pauses (
    organization   text    NOT NULL,
    queue          text,
    since_at       bigint  NOT NULL,
    until_at       bigint,
    UNIQUE (organization, queue)
);

-- The time, in microseconds since 1970. Whatever is kept for a while is kept by this clock.
CREATE FUNCTION callback_prioritizer.micros() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;

-- The same in milliseconds.
CREATE FUNCTION callback_prioritizer.millis() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT callback_prioritizer.micros() / 1000
$$;

-- The first thing in every transaction: refuses a program that knows another format, and sees to it that what is committed
-- is on the disk, whatever the database's default is.
CREATE FUNCTION callback_prioritizer.begin_work(p_known integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_done integer;
BEGIN
    SELECT done INTO v_done FROM callback_prioritizer.format;
    IF v_done IS DISTINCT FROM p_known THEN
        RAISE EXCEPTION USING ERRCODE = 'CBP01', MESSAGE = coalesce(v_done, 0);
    END IF;
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
END $$;

-- The entry of a visit, with a row for each open write, or one without; a new entry where there is none.
CREATE FUNCTION callback_prioritizer.entry(
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
    INSERT INTO callback_prioritizer.visits (conversation, leg, queue, entered_at, kind, base, seen_at)
    VALUES (p_conversation, p_leg, p_queue, p_entered_at, p_kind, p_priority, v_now)
    ON CONFLICT DO NOTHING;
    RETURN QUERY
        SELECT v_now, v.base, v.base_step, v.base_until, v.fence,
            v.last_step, v.last_from, v.last_to, v.last_due_at, v.last_covers, v.last_at,
            h.fence, h.step, h.from_priority, h.to_priority, h.due_at, h.covers, h.at,
            h.fence = v.fence AND h.owner <> p_owner AND h.held_until > v_now
        FROM callback_prioritizer.visits v
        LEFT JOIN callback_prioritizer.history h
            ON h.conversation = v.conversation AND h.leg = v.leg AND h.outcome IS NULL
        WHERE v.conversation = p_conversation AND v.leg = p_leg
        ORDER BY h.fence;
END $$;

-- Claims a step. The row of the visit is locked first, and each statement after that sees what others have done before.
CREATE FUNCTION callback_prioritizer.claim(
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
        AND owner <> p_owner AND held_until > v_now;
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

-- Makes an open write the last one, if the visit's number is known. What was claimed before it is open no more; what was
-- claimed after it may still arrive.
CREATE FUNCTION callback_prioritizer.settle(
    p_conversation text, p_leg text, p_known bigint, p_open bigint, p_confirmed bigint, p_outcome text
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
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence = p_open;
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

-- Counts from what somebody else has set.
CREATE FUNCTION callback_prioritizer.rebase(
    p_conversation text, p_leg text, p_known bigint, p_base bigint, p_base_until bigint, p_at bigint,
    p_owner text, p_replica text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    v_visit callback_prioritizer.visits;
    v_now bigint;
    v_newest bigint;
BEGIN
    SELECT * INTO v_visit FROM callback_prioritizer.visits
    WHERE conversation = p_conversation AND leg = p_leg FOR UPDATE;
    IF NOT FOUND OR v_visit.fence <> p_known THEN
        RETURN false;
    END IF;
    v_now := callback_prioritizer.millis();
    SELECT greatest(v_visit.base_step, v_visit.last_step, max(step)) INTO v_newest
    FROM callback_prioritizer.history
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL;
    UPDATE callback_prioritizer.visits SET base = p_base, base_step = v_newest, base_until = p_base_until,
        fence = fence + 1, last_step = NULL, last_from = NULL, last_to = NULL, last_due_at = NULL, last_covers = NULL,
        last_at = NULL
    WHERE conversation = p_conversation AND leg = p_leg;
    UPDATE callback_prioritizer.history SET outcome = 'unconfirmed', settled_at = v_now
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL;
    INSERT INTO callback_prioritizer.history (conversation, leg, queue, step, from_priority, to_priority, due_at, covers,
        at, fence, owner, replica, held_until, outcome, settled_at)
    VALUES (p_conversation, p_leg, v_visit.queue, v_newest, coalesce(v_visit.last_to, v_visit.base), p_base, p_at, p_at,
        v_now, p_known + 1, p_owner, p_replica, v_now, 'foreign', v_now);
    RETURN true;
END $$;

-- Notes these pauses of an organisation in the place of all others.
CREATE FUNCTION callback_prioritizer.note_pauses(
    p_organization text, p_queues text[], p_since bigint[], p_until bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- One after the other: two that note at once would both keep theirs.
    LOCK TABLE callback_prioritizer.pauses IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM callback_prioritizer.pauses WHERE organization = p_organization;
    INSERT INTO callback_prioritizer.pauses (organization, queue, since_at, until_at)
    SELECT p_organization, * FROM unnest(p_queues, p_since, p_until);
END $$;
