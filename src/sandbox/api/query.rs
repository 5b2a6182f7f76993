//! What requests say: JSON bodies, pages, names with wildcards.

use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};

use super::answer::Refusal;

/// The JSON body of a request.
pub(super) fn body<T: DeserializeOwned>(headers: &HeaderMap, text: &str) -> Result<T, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or("");
    if !kind.to_ascii_lowercase().starts_with("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported.media.type",
            "HTTP 415 Unsupported Media Type",
        ));
    }
    serde_json::from_str(text).map_err(|error| Refusal::bad_request(error.to_string()))
}

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    /// Entries on a page; 25 where the request does not say.
    #[serde(default = "usual_size")]
    pub(super) page_size: usize,
    /// Number of the page; the first is 1.
    #[serde(default = "first")]
    pub(super) page_number: usize,
}

/// Entries on a page where the request does not say: the SDK's documented default.
fn usual_size() -> usize {
    25
}

/// The first page.
fn first() -> usize {
    1
}

impl Page {
    /// This page, if its size is no more than the most allowed.
    pub(super) fn at_most(self, most: usize) -> Result<Self, Refusal> {
        if self.page_size == 0 || self.page_size > most {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid.value",
                format!("pageSize must be from 1 to {most}"),
            ));
        }
        if self.page_number == 0 {
            let message = "pageNumber must be 1 or more";
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "invalid.value",
                message,
            ));
        }
        Ok(self)
    }

    /// The entries of a list that are on this page.
    pub(super) fn of<T>(self, list: &[T]) -> &[T] {
        let start = self.page_size.saturating_mul(self.page_number - 1);
        let start = start.min(list.len());
        let end = start.saturating_add(self.page_size).min(list.len());
        &list[start..end]
    }

    /// How many pages a list of this length has.
    pub(super) fn count(self, entries: usize) -> usize {
        entries.div_ceil(self.page_size)
    }
}

/// Whether a name is what a filter asks for: without regard to case, `*` allowed at either end.
pub(super) fn name_matches(filter: &str, name: &str) -> bool {
    let (filter, name) = (filter.to_lowercase(), name.to_lowercase());
    match (filter.strip_prefix('*'), filter.strip_suffix('*')) {
        (None, None) => name == filter,
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (Some(_), Some(_)) => name.contains(filter.trim_matches('*')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_a_list_without_gap_or_overlap() {
        let list: Vec<_> = (0..7).collect();
        let page = |page_number| Page {
            page_size: 3,
            page_number,
        };
        assert_eq!(page(1).of(&list), [0, 1, 2]);
        assert_eq!(page(3).of(&list), [6]);
        assert!(page(4).of(&list).is_empty());
        assert!(page(usize::MAX).of(&list).is_empty());
        assert_eq!(page(1).count(7), 3);
        assert_eq!(page(1).count(0), 0);
        assert!(page(1).at_most(2).is_err());
        assert!(page(0).at_most(3).is_err());
    }

    #[test]
    fn stars_are_allowed_at_either_end_of_a_name() {
        for (filter, matches) in [
            ("Support", true),
            ("support", true),
            ("Supp*", true),
            ("*port", true),
            ("*ppo*", true),
            ("*", true),
            ("Supp", false),
            ("S*t", false),
            ("*sales*", false),
        ] {
            assert_eq!(name_matches(filter, "Support"), matches, "{filter}");
        }
    }
}
