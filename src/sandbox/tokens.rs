//! Access tokens and how many requests each may make.
//!
//! A client logs in with its id and secret and gets a token for a day. Each token may make 300 requests in any 60
//! seconds; the one after is refused with the whole seconds until the oldest of the 300 is a minute old. Refused
//! requests do not count.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Limits,
    world::{Dice, plus},
};
use crate::clock::{Clock, elapsed};

/// The window in which requests are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// All tokens of the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Arc<Shared>);

/// What all handles share.
#[derive(Debug)]
struct Shared {
    /// Says what time it is.
    clock: Clock,
    /// How long a token lives and how much it may do.
    limits: Limits,
    /// The tokens.
    list: Mutex<List>,
}

/// The tokens.
#[derive(Debug)]
struct List {
    /// Makes their texts.
    dice: Dice,
    /// Tokens that are still good, by text.
    tokens: HashMap<String, Token>,
    /// How many were ever given out.
    given: usize,
    /// Whether the client gets none.
    disabled: bool,
}

/// A token that is still good.
#[derive(Debug)]
struct Token {
    /// Which of all tokens it is; the first is 1.
    number: usize,
    /// When it is no good any more.
    expires: Timestamp,
    /// When it made its requests of the last minute.
    requests: VecDeque<Timestamp>,
}

/// What a token is good for right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// This request of the token with this number is let in.
    Admitted(usize),
    /// The token with this number has to wait so many seconds.
    Throttled(usize, u64),
    /// It is not a good token.
    Unknown,
}

impl Tokens {
    /// No tokens yet.
    pub(crate) fn new(clock: Clock, limits: Limits, seed: u64) -> Self {
        Self(Arc::new(Shared {
            clock,
            limits,
            list: Mutex::new(List {
                // Other dice than the world's and the channels'.
                dice: Dice::seeded(seed.rotate_left(32) ^ 0x70_6b_65_6e),
                tokens: HashMap::new(),
                given: 0,
                disabled: false,
            }),
        }))
    }

    /// Gives out a token and says how long it lives; nothing if the client is disabled.
    pub(crate) fn give(&self) -> Option<(String, Duration)> {
        let mut list = self.list();
        if list.disabled {
            return None;
        }
        list.given += 1;
        let text = list.dice.secret();
        let token = Token {
            number: list.given,
            expires: plus(self.0.clock.now(), self.0.limits.token_lifetime),
            requests: VecDeque::new(),
        };
        list.tokens.insert(text.clone(), token);
        Some((text, self.0.limits.token_lifetime))
    }

    /// Lets in a request with this token, if it may be.
    pub(crate) fn admit(&self, text: &str) -> Admission {
        let now = self.0.clock.now();
        let most = self.0.limits.requests_per_minute;
        let mut list = self.list();
        let Some(token) = list.tokens.get_mut(text) else {
            return Admission::Unknown;
        };
        if token.expires <= now {
            return Admission::Unknown;
        }
        while let Some(&first) = token.requests.front()
            && elapsed(first, now) >= WINDOW
        {
            token.requests.pop_front();
        }
        if token.requests.len() < most {
            token.requests.push_back(now);
            return Admission::Admitted(token.number);
        }
        let first = token.requests.front().copied().unwrap_or(now);
        let wait = WINDOW.saturating_sub(elapsed(first, now));
        let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
        Admission::Throttled(token.number, seconds.max(1))
    }

    /// When the token with this number ends.
    pub(crate) fn ends(&self, number: usize) -> Option<Timestamp> {
        let list = self.list();
        let mut tokens = list.tokens.values();
        let token = tokens.find(|token| token.number == number);
        token.map(|token| token.expires)
    }

    /// Takes all tokens away.
    pub(crate) fn revoke_all(&self) {
        self.list().tokens.clear();
    }

    /// Whether the client gets no tokens any more; those it has end with it.
    pub(crate) fn disable(&self, disabled: bool) {
        let mut list = self.list();
        list.disabled = disabled;
        if disabled {
            list.tokens.clear();
        }
    }

    /// The tokens, for one look or change.
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens of a platform that allows two requests a minute.
    fn tokens() -> Tokens {
        let limits = Limits {
            requests_per_minute: 2,
            token_lifetime: Duration::from_mins(10),
            ..Limits::default()
        };
        let start = "2026-01-05T09:00:00Z".parse().unwrap();
        Tokens::new(Clock::anchored(start), limits, 1)
    }

    #[tokio::test(start_paused = true)]
    async fn each_token_has_its_own_sliding_minute() {
        let tokens = tokens();
        let (one, _) = tokens.give().unwrap();
        let (two, _) = tokens.give().unwrap();
        assert_eq!(tokens.admit(&one), Admission::Admitted(1));
        tokio::time::advance(Duration::from_millis(20_500)).await;
        assert_eq!(tokens.admit(&one), Admission::Admitted(1));
        assert_eq!(tokens.admit(&one), Admission::Throttled(1, 40));
        assert_eq!(tokens.admit(&two), Admission::Admitted(2));
        tokio::time::advance(Duration::from_secs(40)).await;
        assert_eq!(tokens.admit(&one), Admission::Admitted(1));
        assert_eq!(tokens.admit(&one), Admission::Throttled(1, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_ends_with_its_time_with_the_client_and_on_request() {
        let tokens = tokens();
        let (text, lifetime) = tokens.give().unwrap();
        tokio::time::advance(lifetime).await;
        assert_eq!(tokens.admit(&text), Admission::Unknown);
        let (text, _) = tokens.give().unwrap();
        tokens.revoke_all();
        assert_eq!(tokens.admit(&text), Admission::Unknown);
        tokens.disable(true);
        assert!(tokens.give().is_none());
        tokens.disable(false);
        assert!(tokens.give().is_some());
    }
}
