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
