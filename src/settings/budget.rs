//! How many requests may be sent, and how many callbacks that is enough for.

use std::time::Duration;

/// The sustained rate that, with its burst, never exceeds the platform's usual limit.
pub(super) const USUAL_REQUESTS_PER_MINUTE: u32 = 270;

/// Requests in any minute that the platform grants a token unless support has raised it, by its limits page.
pub(super) const USUAL_LIMIT: u32 = 300;

/// Share of a rate that may come on top of it as a burst: the 30 that make 300 of the usual 270.
const BURST_SHARE: u32 = 9;

/// Largest burst that comes by itself with a rate.
const USUAL_BURST: u32 = USUAL_LIMIT - USUAL_REQUESTS_PER_MINUTE;

/// Per cent of the requests that can be spent on raises, at one a raise; the rest is for sweeps, topics and looks.
const SHARE_FOR_RAISES: u32 = 95;

/// Requests that may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Sustained rate of one token, requests a minute: 1 to 3000.
    pub requests_per_minute: u32,
    /// Requests of one token that may come at once on top of it: 0 to 300.
    pub burst: u32,
    /// Tokens, each with this rate of its own: 1 to 10.
    pub tokens: u32,
}

impl Budget {
    /// This rate, with the burst that goes with it unless another one is wanted.
    #[must_use]
    pub fn new(requests_per_minute: u32, burst: Option<u32>, tokens: u32) -> Self {
        let usual = USUAL_BURST.min(requests_per_minute / BURST_SHARE);
        Self {
            requests_per_minute,
            burst: burst.unwrap_or(usual),
            tokens,
        }
    }

    /// Requests that one token may send within a minute at most.
    #[must_use]
    pub fn most_in_a_minute(self) -> u32 {
        self.requests_per_minute + self.burst
    }

    /// Requests a minute that may be sent in the long run, with all tokens.
    #[must_use]
    pub fn sustained(self) -> u32 {
        self.requests_per_minute.saturating_mul(self.tokens)
    }

    /// Raises that can be sustained, in this time.
    #[must_use]
    pub fn raises_in(self, time: Duration) -> u64 {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let rate = u64::from(self.requests_per_minute) * u64::from(self.tokens);
        (rate.saturating_mul(millis) / 60_000).saturating_mul(SHARE_FOR_RAISES.into()) / 100
    }

    /// Time that this many raises take, at this many requests each.
    #[must_use]
    pub fn time_for(self, raises: usize, requests_a_raise: u32) -> Duration {
        let requests = u64::try_from(raises)
            .unwrap_or(u64::MAX)
            .saturating_mul(requests_a_raise.into());
        let rate = u64::from(self.requests_per_minute) * u64::from(self.tokens);
        let millis = requests.saturating_mul(60_000 * 100) / (rate * u64::from(SHARE_FOR_RAISES));
        Duration::from_millis(millis)
    }

    /// Sustained rate of each token at which this many raises, at this many requests each, take no longer than this time.
    #[must_use]
    pub fn rate_for(self, raises: usize, requests_a_raise: u32, time: Duration) -> u64 {
        let at_one_a_minute = Self {
            requests_per_minute: 1,
            ..self
        };
        let millis = at_one_a_minute
            .time_for(raises, requests_a_raise)
            .as_millis();
        let rate = millis.div_ceil(time.as_millis().max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_burst_goes_with_the_rate_unless_it_is_given() {
        for (rate, given, expected) in [
            (270, None, 30),
            (3000, None, 30),
            (90, None, 10),
            (5, None, 0),
            (90, Some(45), 45),
        ] {
            assert_eq!(Budget::new(rate, given, 1).burst, expected, "{rate}");
        }
    }

    #[test]
    fn the_raises_of_a_time_take_that_time() {
        let wait = Duration::from_mins(5);
        for (tokens, requests_a_raise, expected) in [(1, 1, 1282), (2, 1, 2565), (1, 2, 641)] {
            let budget = Budget::new(270, None, tokens);
            let raises = budget.raises_in(wait) / u64::from(requests_a_raise);
            assert_eq!(raises, expected);
            let raises = usize::try_from(raises).unwrap();
            let time = budget.time_for(raises, requests_a_raise);
            assert!(
                time <= wait && wait.abs_diff(time) < Duration::from_millis(500),
                "{time:?}"
            );
            assert_eq!(budget.rate_for(raises, requests_a_raise, wait), 270);
            assert_eq!(budget.rate_for(raises + 1, requests_a_raise, wait), 271);
        }
    }
}
