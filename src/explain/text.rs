//! An explanation for people.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

use super::{Ending, Explanation, Score};
use crate::settings::Spelled;

impl Display for Explanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.rules(f)?;
        let (waited, before) = (seconds(self.waited_s), seconds(self.waited_before_s));
        match (&self.policy, &self.left_alone) {
            (Some(policy), _) => {
                writeln!(f, "Policy: {policy}")?;
                writeln!(
                    f,
                    "Waits:  {waited} by {}, and its caller had waited {before} before, as far as that counts",
                    self.at.strftime("%Y-%m-%d %H:%M:%S UTC")
                )?;
                writeln!(
                    f,
                    "Base:   {}, + {} as a head start, + {} for the wait before",
                    self.base, self.offset, self.credit
                )?;
            }
            (None, why) => writeln!(f, "Left alone: {}", why.as_deref().unwrap_or_default())?,
        }
        writeln!(f, "Now:    priority {}; {}", self.priority, self.score)?;
        self.raises(f)
    }
}

impl Explanation {
    /// Which rule is for it, and why those before it are not.
    fn rules(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for verdict in &self.rules {
            let name = verdict.rule.escape_debug();
            match &verdict.mismatch {
                Some(mismatch) => writeln!(f, "Rule {name}: no, {mismatch}")?,
                None => writeln!(f, "Rule {name}: yes")?,
            }
        }
        if self.choice == "policy" {
            let none = if self.rules.is_empty() {
                "no rules"
            } else {
                "no rule is for it"
            };
            writeln!(f, "Rule:   {none}, so [policy] counts")?;
        }
        Ok(())
    }

    /// The raises to come.
    fn raises(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.raises.is_empty() {
            writeln!(f, "Raises to come:")?;
        }
        for raise in &self.raises {
            writeln!(
                f,
                "  {}  after {:>12}  to {}",
                raise.at.strftime("%a %H:%M:%S"),
                seconds(raise.waited_s).to_string(),
                raise.to
            )?;
        }
        let then = match self.then {
            Ending::GoesOn => "and so on, until it is answered or ends",
            Ending::MaxRaises => "then no more: max_raises is reached",
            Ending::MaxPriority => "then no more: max_priority is reached",
            Ending::LastStep => "then no more: the schedule has no further step",
            Ending::LeftAlone => "no raises",
        };
        writeln!(f, "  {then}")
    }
}

impl Display for Score {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let entered = self.as_if_entered.strftime("%a %H:%M:%S");
        write!(f, "served as if it had entered at {entered}")?;
        let plain = minutes(self.ahead_of_a_call_without_priority_min);
        write!(
            f,
            ": {plain} a call of priority 0 that came when its caller did"
        )?;
        if let Some(climbs) = self.ahead_of_a_call_that_climbs_min {
            write!(f, ", {} one that climbs the ladder", minutes(climbs))?;
        }
        Ok(())
    }
}

/// Minutes ahead or behind.
fn minutes(ahead: f64) -> String {
    let far = format!("{:.1} minutes", ahead.abs());
    if ahead < 0.0 {
        format!("{far} behind")
    } else {
        format!("{far} ahead of")
    }
}

/// So many seconds as the settings write them.
fn seconds(number: u64) -> Spelled {
    Spelled(Duration::from_secs(number))
}
