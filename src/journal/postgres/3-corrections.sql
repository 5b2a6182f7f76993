-- When the rate was used last: with the clock set back since then, what it is used up to is as much too far ahead.
ALTER TABLE callback_prioritizer.limiters ADD COLUMN used_at bigint NOT NULL DEFAULT 0;

-- Asks for the right to send one request: nothing to wait for, or how long until it may be asked again.
CREATE OR REPLACE FUNCTION callback_prioritizer.permit(p_client text, p_token integer, p_interval bigint, p_burst bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
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
    IF v_at > v_now THEN
        v_used := v_used - (v_at - v_now);
        UPDATE callback_prioritizer.limiters SET used_until = v_used, used_at = v_now
        WHERE client = p_client AND token = p_token;
    END IF;
    SELECT held_until INTO v_held FROM callback_prioritizer.clients WHERE client = p_client AND held_until > v_now;
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

-- Gives a claim back: the write is not there. What only this one has overtaken, an earlier write of the same value, is open
-- again, unless it was written meanwhile. The row of the visit is locked first, as for a claim.
CREATE FUNCTION callback_prioritizer.release(p_conversation text, p_leg text, p_claim bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_visit callback_prioritizer.visits;
    v_value bigint;
BEGIN
    SELECT * INTO v_visit FROM callback_prioritizer.visits
    WHERE conversation = p_conversation AND leg = p_leg FOR UPDATE;
    SELECT to_priority INTO v_value FROM callback_prioritizer.history
    WHERE conversation = p_conversation AND leg = p_leg AND outcome IS NULL AND fence = p_claim;
    UPDATE callback_prioritizer.history SET outcome = 'not_made', settled_at = callback_prioritizer.millis()
    WHERE conversation = p_conversation AND leg = p_leg AND (outcome IS NULL OR outcome = 'unconfirmed')
        AND fence = p_claim;
    -- Nothing has this value where the claim was not open.
    UPDATE callback_prioritizer.history SET outcome = NULL, settled_at = NULL WHERE id = (
        SELECT id FROM callback_prioritizer.history
        WHERE conversation = p_conversation AND leg = p_leg AND outcome = 'unconfirmed' AND to_priority = v_value
            AND step > greatest(v_visit.base_step, v_visit.last_step)
        ORDER BY fence DESC LIMIT 1);
END $$;
