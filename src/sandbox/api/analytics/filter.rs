//! The filter of an analytics query: predicates and clauses, joined by `and` or `or`.
//!
//! Two levels, as the SDK's models have them: a filter has predicates and clauses, and a clause has predicates.

use serde::Deserialize;

use crate::sandbox::api::answer::Refusal;

/// How conditions are joined.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Join {
    /// All of them hold.
    And,
    /// One of them holds.
    Or,
}

/// A filter.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    /// How its parts are joined.
    #[serde(rename = "type")]
    join: Join,
    /// Conditions of its own.
    #[serde(default)]
    predicates: Vec<Predicate>,
    /// Groups of conditions.
    #[serde(default)]
    clauses: Vec<Clause>,
}

/// A group of conditions.
#[derive(Debug, Deserialize)]
struct Clause {
    /// How they are joined.
    #[serde(rename = "type")]
    join: Join,
    /// The conditions.
    #[serde(default)]
    predicates: Vec<Predicate>,
}

/// A condition on one dimension.
#[derive(Debug, Deserialize)]
struct Predicate {
    /// Its dimension.
    dimension: String,
    /// `matches` where it does not say; else `exists` or `notExists`.
    operator: Option<String>,
    /// The value to match.
    value: Option<String>,
}

impl Filter {
    /// Whether it has a condition on this dimension.
    pub(super) fn names(&self, dimension: &str) -> bool {
        self.all().any(|one| one.dimension == dimension)
    }

    /// Refuses what cannot be evaluated.
    pub(super) fn check(
        &self,
        known: &impl Fn(&str) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.all().next().is_none() {
            return Err(Refusal::bad_request(
                "A filter needs a predicate or a clause",
            ));
        }
        for one in self.all() {
            known(&one.dimension)?;
            let operator = one.operator.as_deref().unwrap_or("matches");
            let complete = match operator {
                "matches" => one.value.is_some(),
                "exists" | "notExists" => true,
                _ => false,
            };
            if !complete {
                let message = format!("Invalid predicate on {}: {operator}", one.dimension);
                return Err(Refusal::bad_request(message));
            }
        }
        Ok(())
    }

    /// Whether something with these dimensions gets through.
    pub(super) fn lets_through(&self, value: &impl Fn(&str) -> Option<String>) -> bool {
        let own = self.predicates.iter().map(|one| one.holds(value));
        let clauses = self.clauses.iter().map(|clause| {
            let own = clause.predicates.iter().map(|one| one.holds(value));
            clause.join.of(own)
        });
        self.join.of(own.chain(clauses))
    }

    /// All its conditions.
    fn all(&self) -> impl Iterator<Item = &Predicate> {
        let clauses = self.clauses.iter().flat_map(|clause| &clause.predicates);
        self.predicates.iter().chain(clauses)
    }
}

impl Join {
    /// Whether conditions hold together.
    fn of(self, mut conditions: impl Iterator<Item = bool>) -> bool {
        match self {
            Self::And => conditions.all(|holds| holds),
            Self::Or => conditions.any(|holds| holds),
        }
    }
}

impl Predicate {
    /// Whether it holds for something with these dimensions.
    fn holds(&self, value: &impl Fn(&str) -> Option<String>) -> bool {
        let found = value(&self.dimension);
        match self.operator.as_deref() {
            Some("exists") => found.is_some(),
            Some("notExists") => found.is_none(),
            _ => found == self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_and_clauses_are_joined_as_they_say() {
        let filter: Filter = serde_json::from_str(
            r#"{"type":"and",
                "predicates":[{"dimension":"mediaType","value":"callback"}],
                "clauses":[{"type":"or","predicates":[
                    {"dimension":"queueId","operator":"matches","value":"q1"},
                    {"dimension":"queueId","value":"q2"}]}]}"#,
        )
        .unwrap();
        for (media, queue, through) in [
            ("callback", "q1", true),
            ("callback", "q2", true),
            ("callback", "q3", false),
            ("voice", "q1", false),
        ] {
            let value = |name: &str| Some(if name == "queueId" { queue } else { media }.to_owned());
            assert_eq!(filter.lets_through(&value), through, "{media} in {queue}");
        }
        assert!(filter.names("queueId") && !filter.names("userId"));
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused() {
        for text in [
            r#"{"type":"and"}"#,
            r#"{"type":"and","predicates":[{"dimension":"mediaType"}]}"#,
            r#"{"type":"and","predicates":[{"dimension":"mediaType","operator":"like","value":"x"}]}"#,
            r#"{"type":"or","clauses":[{"type":"and","predicates":[{"dimension":"flow","value":"x"}]}]}"#,
        ] {
            let filter: Filter = serde_json::from_str(text).unwrap();
            let known = |name: &str| match name {
                "mediaType" => Ok(()),
                other => Err(Refusal::bad_request(other)),
            };
            assert!(filter.check(&known).is_err(), "{text}");
        }
    }
}
