//! Routing priority: whole points, one point worth one minute of time in queue.

use std::{fmt, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize};

/// A routing priority within the platform's range.
///
/// "Each point of priority is equivalent to one minute of time in queue. Range:[-25000000, 25000000]": the official
/// SDK's `RoutingConversationAttributesRequest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Priority(i32);

impl Priority {
    /// What one point is worth: time in queue.
    pub const WORTH: Duration = Duration::from_mins(1);
    /// Lowest priority the platform accepts.
    pub const MIN: Self = Self(-25_000_000);
    /// Highest priority the platform accepts.
    pub const MAX: Self = Self(25_000_000);

    /// The priority with this many points, or nothing where the platform would refuse it.
    #[must_use]
    pub fn new(points: i64) -> Option<Self> {
        let points = i32::try_from(points).ok()?;
        (Self::MIN.0..=Self::MAX.0)
            .contains(&points)
            .then_some(Self(points))
    }

    /// The priority nearest to this many points that the platform accepts.
    #[must_use]
    pub fn clamped(points: i64) -> Self {
        let points = points.clamp(Self::MIN.0.into(), Self::MAX.0.into());
        Self(i32::try_from(points).unwrap_or_default())
    }

    /// Its points.
    #[must_use]
    pub fn points(self) -> i64 {
        self.0.into()
    }

    /// What it is worth: time in queue, less than none where it is negative.
    #[must_use]
    pub fn worth(self) -> SignedDuration {
        let point = SignedDuration::try_from(Self::WORTH).unwrap_or(SignedDuration::MAX);
        point.saturating_mul(self.0)
    }

    /// This priority and `points` more, within the platform's range.
    #[must_use]
    pub fn plus(self, points: i64) -> Self {
        Self::clamped(self.points().saturating_add(points))
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let points = i64::deserialize(deserializer)?;
        Self::new(points).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "priority {points} is out of range: expected {} to {}",
                Self::MIN,
                Self::MAX
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_range_is_kept() {
        for (points, expected) in [
            (0, Some(0)),
            (25_000_000, Some(25_000_000)),
            (-25_000_000, Some(-25_000_000)),
            (25_000_001, None),
            (-25_000_001, None),
            (i64::MAX, None),
        ] {
            assert_eq!(Priority::new(points).map(Priority::points), expected);
        }
        assert_eq!(Priority::MAX.plus(1), Priority::MAX);
        assert_eq!(Priority::MIN.plus(i64::MIN), Priority::MIN);
    }
}
