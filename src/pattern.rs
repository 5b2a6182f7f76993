//! How administrators name things of the platform's: by name, by glob over names, or by id.

use std::fmt;

use globset::{Glob, GlobBuilder, GlobMatcher};

/// A name, a glob over names, or an id. Letter case is ignored.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    text: String,
    /// The same as a glob; absent where it is none, a name with brackets for example.
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// Reads what was written.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let glob = GlobBuilder::new(text).case_insensitive(true).build().ok();
        Self {
            text: text.to_owned(),
            glob: glob.map(|glob| glob.compile_matcher()),
        }
    }

    /// Why this is no pattern, and what to write instead; nothing where it is one.
    #[must_use]
    pub fn refusal(text: &str) -> Option<String> {
        let error = Glob::new(text).err()?;
        Some(format!(
            "`{}` is no pattern ({}): put `\\` before a character that is meant literally",
            text.escape_debug(),
            error.kind()
        ))
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is an id of the platform's usual form, and so means something whatever that is called.
    #[must_use]
    pub fn is_id(&self) -> bool {
        uuid::Uuid::try_parse(&self.text).is_ok()
    }

    /// Whether it means this name, exactly or as a glob.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.text.eq_ignore_ascii_case(name)
            || self.glob.as_ref().is_some_and(|glob| glob.is_match(name))
    }

    /// Whether it means the thing that has this id, and this name where it is known.
    #[must_use]
    pub fn means(&self, id: &str, name: Option<&str>) -> bool {
        self.text.eq_ignore_ascii_case(id) || name.is_some_and(|name| self.matches(name))
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.text.escape_debug())
    }
}
