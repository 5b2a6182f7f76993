//! "Did you mean": the known name that a wrong one most likely stands for.
//!
//! A refusal that names the way out is fixed in a minute. A suggestion that is far off only confuses, so there is
//! none unless about a third of the letters differ at most.

/// The candidate that differs least from `word`, where one is near enough to be meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| {
            (
                distance(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= allowed(candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// How far off a word may be from a name of this length: two swapped letters of four, else a third of them.
fn allowed(length: usize) -> usize {
    (length / 3).max(length.min(4) / 2)
}

/// A suggestion to append to a sentence; empty where nothing is near.
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    nearest(word, candidates)
        .map(|candidate| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// How many letters must be added, dropped or changed to get from one word to the other (Levenshtein's distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for column in 0..to.len() {
            let changed = diagonal + usize::from(letter != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_a_stranger_is_not() {
        let known = ["wait", "increment", "max_raises", "max_priority"];
        for (word, expected) in [
            ("wiat", Some("wait")),
            ("wai", Some("wait")),
            ("waits", Some("wait")),
            ("incremnt", Some("increment")),
            ("Max_Raises", Some("max_raises")),
            ("step", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
