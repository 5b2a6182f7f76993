//! Files of other programs, of other versions, and of none.

use super::*;
use crate::conversation::Organization;

#[tokio::test]
async fn a_file_of_another_program_or_another_time_is_left_alone() {
    for (statement, expected) in [
        ("CREATE TABLE songs (title TEXT)", "another program"),
        ("PRAGMA application_id = 7", "another program"),
        (
            "PRAGMA application_id = 1130516594; PRAGMA user_version = 99",
            "its format is 99, the newest known here is 4",
        ),
        (
            "PRAGMA application_id = 1130516594; PRAGMA user_version = -1",
            "its format is -1",
        ),
    ] {
        let path = folder();
        raw(&path).execute_batch(statement).unwrap();
        let before = fs::read(file(&path)).unwrap();
        let refused = SqliteJournal::open(&file(&path), at(0)).unwrap_err();
        let sentence = refused.to_string();
        assert!(sentence.contains(expected), "{statement}: {sentence}");
        assert_eq!(fs::read(file(&path)).unwrap(), before, "{statement}");
        assert_eq!(names(&path, "journal.db.corrupt-").len(), 0);
        fs::remove_dir_all(&path).unwrap();
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_journal_of_the_newest_format() {
    let path = folder();
    fs::write(file(&path), "").unwrap();
    drop(open(&path));
    assert_eq!(known(&raw(&path)).unwrap(), Known::Ours(4));
    drop(open(&path));
    assert_eq!(known(&raw(&path)).unwrap(), Known::Ours(4));
    fs::remove_dir_all(&path).unwrap();
}

#[tokio::test]
async fn what_an_earlier_version_has_noted_is_kept() {
    let path = folder();
    let earlier = raw(&path);
    schema::migrate_to(&earlier, 0, 1).unwrap();
    let visit = seen("v", 0).visit;
    earlier
        .execute_batch(&format!(
            "INSERT INTO visits (conversation, leg, queue, entered_at, base, base_step, fence, last_step, last_from,
                 last_to, last_due_at, last_at, seen_at)
             VALUES ('{0}', '{1}', 'queue', 0, 20, 4, 6, 5, 20, 21, 0, {3}, {3}), ('w', 'l', 'queue', 0, 3, 0, 0, NULL,
                 NULL, NULL, NULL, NULL, {3});
             INSERT INTO history (conversation, leg, step, from_priority, to_priority, due_at, at, fence, owner,
                 held_until, outcome)
             VALUES ('{0}', '{1}', 4, 4, 20, 0, {2}, 5, 'o', 0, 'foreign')",
            visit.conversation,
            visit.leg,
            at(2).as_millisecond(),
            at(9).as_millisecond()
        ))
        .unwrap();
    drop(earlier);
    let journal = open(&path);
    let raised = journal.entry(&seen("v", 7), at(10)).await.unwrap();
    assert_eq!(raised.base.until, Some(at(2)));
    let last = raised.last.unwrap();
    assert_eq!((raised.base_step, last.step, last.covers), (4, 5, at(9)));
    let visit = Visit {
        conversation: "w".parse().unwrap(),
        leg: "l".parse().unwrap(),
    };
    let arrived = Waiting {
        visit,
        ..seen("w", 7)
    };
    let untouched = journal.entry(&arrived, at(10)).await.unwrap();
    assert_eq!(
        (untouched.base.priority.points(), untouched.base.until),
        (3, None)
    );
    drop(journal);
    fs::remove_dir_all(&path).unwrap();
}

#[tokio::test]
async fn a_pause_from_before_organizations_is_that_of_the_only_one() {
    let path = folder();
    let earlier = raw(&path);
    schema::migrate_to(&earlier, 0, 3).unwrap();
    let since = at(1).as_millisecond();
    let pauses = format!("INSERT INTO pauses VALUES (NULL, {since}, NULL), ('q', {since}, NULL)");
    earlier.execute_batch(&pauses).unwrap();
    drop(earlier);
    let journal = open(&path);
    let kept = journal.pauses(&Organization::default(), at(2)).await;
    let kept: Vec<_> = kept
        .unwrap()
        .into_iter()
        .map(|pause| (pause.queue, pause.since))
        .collect();
    assert_eq!(kept, [(None, at(1)), ("q".parse().ok(), at(1))]);
    let named = journal.pauses(&"acme".parse().unwrap(), at(2)).await;
    assert_eq!(named.unwrap(), []);
    drop(journal);
    fs::remove_dir_all(&path).unwrap();
}
