//! Entries and claims as rows. Each function is one transaction's work, and nobody else writes meanwhile.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{Claim, Commit, Entry, Fence, Owner, Write, column::Time};
use crate::{
    clock::elapsed,
    conversation::{Priority, Visit, Waiting},
    journal::{Open, SEEN_WITHIN, lease_end},
    policy::Base,
};

/// A row of `visits`, with what is open.
struct Known {
    /// Its number.
    id: i64,
    /// What is told.
    entry: Entry,
    /// When it was last seen, within `SEEN_WITHIN`.
    seen: Timestamp,
    /// Whether it was noted as over.
    over: bool,
}

/// The entry of a visit; a new one where there is none.
pub(super) fn entry(
    transaction: &Transaction<'_>,
    owner: &Owner,
    seen: &Waiting,
    now: Timestamp,
) -> rusqlite::Result<Entry> {
    let visit = &seen.visit;
    let Some(mut known) = find(transaction, visit)? else {
        transaction
            .prepare_cached(
                "INSERT INTO visits (conversation, leg, queue, entered_at, kind, base, base_step, fence, seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7)",
            )?
            .execute(params![
                visit.conversation,
                visit.leg,
                seen.queue,
                Time(seen.since),
                seen.kind,
                seen.priority,
                Time(now)
            ])?;
        return Ok(Entry::new(seen.priority));
    };
    if known.over || elapsed(known.seen, now) >= SEEN_WITHIN {
        transaction.execute(
            "UPDATE visits SET seen_at = max(seen_at, ?2), over_at = NULL WHERE id = ?1",
            params![known.id, Time(now)],
        )?;
    }
    let fence = known.entry.fence;
    if let Some(newest) = known.entry.open.last_mut() {
        newest.elsewhere = held_from(transaction, owner, visit, fence, now)?.is_some();
    }
    Ok(known.entry)
}

/// Claims a step.
pub(super) fn claim(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    known: Fence,
    write: Write,
) -> rusqlite::Result<Claim> {
    let Some(row) = find(transaction, visit)? else {
        return Ok(Claim::Stale);
    };
    if write.step <= row.entry.committed_step() {
        return Ok(Claim::Done);
    }
    if let Some(until) = held_from(transaction, owner, visit, row.entry.fence, write.at)? {
        return Ok(Claim::Held { until });
    }
    if row.entry.fence != known {
        return Ok(Claim::Stale);
    }
    let fence = known.next();
    transaction
        .prepare_cached("UPDATE visits SET fence = ?2, seen_at = max(seen_at, ?3) WHERE id = ?1")?
        .execute(params![row.id, fence, Time(write.at)])?;
    // The same value again: which of the two writes brings it can never be known, and one is enough to know it by.
    transaction
        .prepare_cached(
            "UPDATE history SET outcome = 'unconfirmed', settled_at = ?4
             WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL AND to_priority = ?3",
        )?
        .execute(params![
            visit.conversation,
            visit.leg,
            write.to,
            Time(write.at)
        ])?;
    note(transaction, owner, row.id, fence, write, None)?;
    Ok(Claim::Granted(fence))
}

/// Makes a claimed write, confirmed by the platform, the last one.
pub(super) fn commit(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    claim: Fence,
    confirmed: Priority,
    at: Timestamp,
) -> rusqlite::Result<Commit> {
    match find(transaction, visit)? {
        Some(row) if row.entry.fence == claim && is_of(transaction, owner, visit, claim)? => {
            let settled = Settled {
                claim,
                confirmed: Some(confirmed),
                outcome: "raised",
                at,
            };
            settled.note(transaction, visit, &row)
        }
        _ => Ok(Commit::Lost),
    }
}

/// Makes an open write, whose value was seen, the last one.
pub(super) fn arrived(
    transaction: &Transaction<'_>,
    visit: &Visit,
    known: Fence,
    open: Fence,
    at: Timestamp,
) -> rusqlite::Result<Commit> {
    match find(transaction, visit)? {
        Some(row) if row.entry.fence == known => {
            let settled = Settled {
                claim: open,
                confirmed: None,
                outcome: "arrived",
                at,
            };
            settled.note(transaction, visit, &row)
        }
        _ => Ok(Commit::Lost),
    }
}

/// Counts from what somebody else has set.
pub(super) fn rebase(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    known: Fence,
    base: Base,
    at: Timestamp,
) -> rusqlite::Result<Commit> {
    let row = match find(transaction, visit)? {
        Some(row) if row.entry.fence == known => row,
        _ => return Ok(Commit::Lost),
    };
    let fence = known.next();
    transaction.execute(
        "UPDATE visits SET base = ?2, base_step = ?3, base_until = ?4, fence = ?5, last_step = NULL, last_from = NULL,
             last_to = NULL, last_due_at = NULL, last_covers = NULL, last_at = NULL WHERE id = ?1",
        params![
            row.id,
            base.priority,
            row.entry.newest_step(),
            base.until.map(Time),
            fence
        ],
    )?;
    transaction.execute(
        "UPDATE history SET outcome = 'unconfirmed', settled_at = ?3
         WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL",
        params![visit.conversation, visit.leg, Time(at)],
    )?;
    let change = Write {
        step: row.entry.newest_step(),
        from: row.entry.expected(),
        to: base.priority,
        due: at,
        covers: at,
        at,
    };
    note(transaction, owner, row.id, fence, change, Some("foreign"))?;
    Ok(Commit::Done)
}

/// Notes that a visit is over.
pub(super) fn close(
    transaction: &Transaction<'_>,
    visit: &Visit,
    at: Timestamp,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE visits SET over_at = ?3, seen_at = max(seen_at, ?3)
         WHERE conversation = ?1 AND leg = ?2",
        params![visit.conversation, visit.leg, Time(at)],
    )?;
    Ok(())
}

/// What became of an open write.
struct Settled {
    /// Which.
    claim: Fence,
    /// The priority that the platform named, where it did.
    confirmed: Option<Priority>,
    /// In a word.
    outcome: &'static str,
    /// When that was known.
    at: Timestamp,
}

impl Settled {
    /// Makes it the last write. What was claimed before it is open no more; what was claimed after it may still arrive.
    fn note(
        &self,
        transaction: &Transaction<'_>,
        visit: &Visit,
        row: &Known,
    ) -> rusqlite::Result<Commit> {
        let entry = &row.entry;
        let open = entry.open.iter().find(|open| open.fence == self.claim);
        let Some(open) = open.filter(|open| open.write.step > entry.committed_step()) else {
            return Ok(Commit::Lost);
        };
        let (write, to) = (open.write, self.confirmed.unwrap_or(open.write.to));
        transaction
            .prepare_cached(
                "UPDATE visits SET last_step = ?2, last_from = ?3, last_to = ?4, last_due_at = ?5, last_covers = ?6,
                     last_at = ?7 WHERE id = ?1",
            )?
            .execute(params![
                row.id,
                write.step,
                write.from,
                to,
                Time(write.due),
                Time(write.covers),
                Time(self.at)
            ])?;
        transaction
            .prepare_cached(
                "UPDATE history SET settled_at = ?4,
                     outcome = CASE fence WHEN ?3 THEN ?5 ELSE 'unconfirmed' END,
                     to_priority = CASE fence WHEN ?3 THEN ?6 ELSE to_priority END
                 WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL AND fence <= ?3",
            )?
            .execute(params![
                visit.conversation,
                visit.leg,
                self.claim,
                Time(self.at),
                self.outcome,
                to
            ])?;
        Ok(Commit::Done)
    }
}

/// The entry of a visit, for whoever only reads.
pub(in crate::journal) fn entry_of(
    connection: &Connection,
    visit: &Visit,
) -> rusqlite::Result<Option<Entry>> {
    Ok(find(connection, visit)?.map(|known| known.entry))
}

/// The row of a visit.
fn find(connection: &Connection, visit: &Visit) -> rusqlite::Result<Option<Known>> {
    let known = connection
        .prepare_cached(
            "SELECT id, base, base_step, base_until, fence, last_step, last_from, last_to, last_due_at, last_covers,
                 last_at, seen_at, over_at IS NOT NULL
             FROM visits WHERE conversation = ?1 AND leg = ?2",
        )?
        .query_row(params![visit.conversation, visit.leg], read_visit)
        .optional()?;
    let Some(mut known) = known else {
        return Ok(None);
    };
    known.entry.open = connection
        .prepare_cached(
            "SELECT fence, step, from_priority, to_priority, due_at, at, at FROM history
             WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL ORDER BY fence",
        )?
        .query_map(params![visit.conversation, visit.leg], |row| {
            Ok(Open {
                fence: row.get(0)?,
                write: read_write(row, 1)?,
                elsewhere: false,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(known))
}

/// A row of `visits`, without what is open.
fn read_visit(row: &Row<'_>) -> rusqlite::Result<Known> {
    let written: Option<u32> = row.get(5)?;
    let until: Option<Time> = row.get(3)?;
    Ok(Known {
        id: row.get(0)?,
        entry: Entry {
            base: Base {
                priority: row.get(1)?,
                until: until.map(|until| until.0),
            },
            base_step: row.get(2)?,
            last: written.map(|_| read_write(row, 5)).transpose()?,
            open: Vec::new(),
            fence: row.get(4)?,
        },
        seen: row.get::<_, Time>(11)?.0,
        over: row.get(12)?,
    })
}

/// A write, in six columns from this one on. It covers what was due when it was claimed.
fn read_write(row: &Row<'_>, first: usize) -> rusqlite::Result<Write> {
    Ok(Write {
        step: row.get(first)?,
        from: row.get(first + 1)?,
        to: row.get(first + 2)?,
        due: row.get::<_, Time>(first + 3)?.0,
        covers: row.get::<_, Time>(first + 4)?.0,
        at: row.get::<_, Time>(first + 5)?.0,
    })
}

/// When the newest claim ends, where it keeps this owner from the step now.
fn held_from(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    newest: Fence,
    now: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    let until: Option<Time> = transaction
        .prepare_cached(
            "SELECT held_until FROM history
             WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL AND fence = ?3 AND owner <> ?4
                 AND held_until > ?5",
        )?
        .query_row(
            params![visit.conversation, visit.leg, newest, owner.0, Time(now)],
            |row| row.get(0),
        )
        .optional()?;
    Ok(until.map(|until| until.0))
}

/// Whether this owner has made this claim, which is open.
fn is_of(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: &Visit,
    claim: Fence,
) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM history
             WHERE conversation = ?1 AND leg = ?2 AND outcome IS NULL AND fence = ?3 AND owner = ?4)",
        )?
        .query_row(params![visit.conversation, visit.leg, claim, owner.0], |row| row.get(0))
}

/// Adds a row to the history of this visit.
fn note(
    transaction: &Transaction<'_>,
    owner: &Owner,
    visit: i64,
    fence: Fence,
    write: Write,
    outcome: Option<&str>,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO history (conversation, leg, queue, step, from_priority, to_priority, due_at, at, fence,
                 owner, held_until, outcome, settled_at)
             SELECT conversation, leg, queue, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, iif(?10 IS NULL, NULL, ?6)
             FROM visits WHERE id = ?1",
        )?
        .execute(params![
            visit,
            write.step,
            write.from,
            write.to,
            Time(write.due),
            Time(write.at),
            fence,
            owner.0,
            Time(lease_end(write.at)),
            outcome
        ])?;
    Ok(())
}
