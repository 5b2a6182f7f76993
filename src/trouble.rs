//! Trouble that is met again and again: said when it begins, when it becomes another, and when it is over; not each time.
//!
//! One value belongs to one thing that may go wrong. Whoever meets trouble with it asks whether to say so, and whoever sees
//! that it works asks whether that is news.

use std::time::Duration;

use tokio::time::Instant;

/// Kinds of trouble in a row that are said; what is another each time is no news any more.
const KINDS: usize = 8;

/// What has been said of something that may go wrong.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<Met>);

/// Trouble that is not over.
#[derive(Debug)]
struct Met {
    /// Since when.
    since: Instant,
    /// How often it was met.
    times: u64,
    /// Which kinds of it were said.
    said: Vec<String>,
}

/// Trouble that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    /// How long it lasted.
    pub(crate) after: Duration,
    /// How often it was met.
    pub(crate) times: u64,
}

impl Trouble {
    /// Trouble of this kind was met; whether to say so: it begins, or it was of other kinds before.
    pub(crate) fn met(&mut self, kind: &str) -> bool {
        let met = self.0.get_or_insert_with(|| Met {
            since: Instant::now(),
            times: 0,
            said: Vec::new(),
        });
        met.times += 1;
        let news = met.said.len() < KINDS && met.said.iter().all(|said| said != kind);
        if news {
            met.said.push(kind.to_owned());
        }
        news
    }

    /// It works; what to say of the trouble that was, if there was any.
    pub(crate) fn over(&mut self) -> Option<Over> {
        let met = self.0.take()?;
        Some(Over {
            after: met.since.elapsed(),
            times: met.times,
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_when_it_begins_when_it_changes_and_when_it_ends() {
        let mut trouble = Trouble::default();
        assert_eq!(trouble.over(), None, "there was none");
        let met = ["a", "a", "b", "a", "b"].map(|kind| trouble.met(kind));
        assert_eq!(met, [true, false, true, false, false]);
        advance(Duration::from_secs(9)).await;
        let over = Over {
            after: Duration::from_secs(9),
            times: 5,
        };
        assert_eq!(trouble.over(), Some(over));
        assert_eq!(trouble.over(), None);
        assert!(trouble.met("a"), "it begins anew");
    }

    #[test]
    fn what_is_another_each_time_is_no_news_for_ever() {
        let mut trouble = Trouble::default();
        let said = (0..100).filter(|number: &u32| trouble.met(&number.to_string()));
        assert_eq!(said.count(), KINDS);
    }
}
