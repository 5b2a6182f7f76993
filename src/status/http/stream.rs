//! News for a page that is open: once a second, what has changed on it since.
//!
//! Each page that listens has a memory of what it was sent, so that a thousand callbacks of which one was raised are one row
//! on the wire. The first message tells everything, and nothing is lost by a connection that was. Streams end after some
//! minutes, as all connections do; browsers come back by themselves.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    convert::Infallible,
    time::Duration,
};

use axum::response::sse::Event;
use futures_util::{Stream, stream::unfold};
use serde::Serialize;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{super::page, About, Page, Shown};
use crate::conversation::ConversationId;

/// Time between two messages.
const EVERY: Duration = Duration::from_secs(1);
/// Time after which a stream ends: before its connection is ended.
const LIFE: Duration = Duration::from_mins(4);
/// Time after which a browser comes back.
const RETRY: Duration = Duration::from_secs(2);

/// What one page has been sent.
struct Reader {
    /// All that is served.
    page: Page,
    /// What this one is about.
    about: About,
    /// Which queue it shows, where it is not all.
    queue: Option<String>,
    /// Version and place of each row that it has.
    rows: HashMap<ConversationId, (u64, usize)>,
    /// What it has of the pieces that are no rows.
    pieces: BTreeMap<&'static str, String>,
    /// Whether it has been sent anything.
    begun: bool,
}

/// One message.
#[derive(Serialize)]
struct News {
    /// The time now, milliseconds.
    now: i64,
    /// Pieces of the page that have changed, by the id of the element that they fill.
    pieces: BTreeMap<&'static str, String>,
    /// Rows that are new or have changed: id, version and HTML.
    changed: Vec<(ConversationId, String, String)>,
    /// Rows that are gone.
    gone: Vec<ConversationId>,
    /// Places that have changed.
    places: Vec<(ConversationId, usize)>,
    /// Ids of all rows, in the first message only.
    all: Option<Vec<ConversationId>>,
}

impl Reader {
    /// What has changed since the last message.
    fn news(&mut self) -> News {
        match self.about.clone() {
            About::One(shown) => self.news_of_one(&shown),
            About::All => self.news_of_all(),
        }
    }

    /// The same of all organisations in brief, which has no rows.
    fn news_of_all(&mut self) -> News {
        let overview = self.page.overview();
        let pieces = page::overview::pieces(&overview, &self.page.tabs());
        News {
            now: overview.now.as_millisecond(),
            pieces: self.changed(pieces),
            changed: Vec::new(),
            gone: Vec::new(),
            places: Vec::new(),
            all: None,
        }
    }

    /// Pieces that are other than the page has them.
    fn changed(
        &mut self,
        mut pieces: BTreeMap<&'static str, String>,
    ) -> BTreeMap<&'static str, String> {
        pieces.retain(|id, piece| self.pieces.get(id) != Some(piece));
        self.pieces.extend(pieces.clone());
        pieces
    }

    /// The same of one organisation.
    fn news_of_one(&mut self, shown: &Shown) -> News {
        let report = shown.report();
        let queue = self.queue.as_deref();
        let (mut changed, mut places) = (Vec::new(), Vec::new());
        let mut there = HashSet::new();
        for row in page::chosen(&report, queue) {
            let id = &row.callback.conversation;
            there.insert(id.clone());
            let (version, place) = (row.version(), row.place);
            match self.rows.insert(id.clone(), (version, place)) {
                Some((known, before)) if known == version => {
                    if before != place {
                        places.push((id.clone(), place));
                    }
                }
                _ => {
                    let html = page::row(row).into_string();
                    changed.push((id.clone(), version.to_string(), html));
                    places.push((id.clone(), place));
                }
            }
        }
        let gone: Vec<_> = self
            .rows
            .keys()
            .filter(|id| !there.contains(*id))
            .cloned()
            .collect();
        for id in &gone {
            self.rows.remove(id);
        }
        let pieces = page::pieces(&report, queue, &self.page.tabs());
        let pieces = self.changed(pieces);
        let first = !std::mem::replace(&mut self.begun, true);
        News {
            now: report.now.as_millisecond(),
            pieces,
            changed,
            gone,
            places,
            all: first.then(|| there.into_iter().collect()),
        }
    }
}

/// The news for one page, until it ends. The permit is held as long.
pub(super) fn news(
    page: Page,
    about: About,
    queue: Option<String>,
    stop: CancellationToken,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        page,
        about,
        queue,
        rows: HashMap::new(),
        pieces: BTreeMap::new(),
        begun: false,
    };
    let end = Instant::now() + LIFE;
    unfold(
        (reader, ticks, stop, permit),
        move |(mut reader, mut ticks, stop, permit)| async move {
            stop.run_until_cancelled(ticks.tick()).await?;
            if Instant::now() >= end {
                return None;
            }
            let news = reader.news();
            // All of it can be told as JSON.
            let event = Event::default().retry(RETRY).json_data(news).ok()?;
            Some((Ok(event), (reader, ticks, stop, permit)))
        },
    )
}
