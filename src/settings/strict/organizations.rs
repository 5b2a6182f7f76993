//! The list of organisations, read strictly: each has a name and sections of its own, and nothing of theirs stands elsewhere.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::{
    super::{
        nearest::did_you_mean,
        organizations::{ORGANIZATIONS, OWN},
    },
    NO_SECRET_HERE, Places, Refusal, check_section, check_setting,
};
use crate::conversation::Organization;

/// Checks the list and says which settings it mentions, and where. The document says what stands beside it.
pub(super) fn check(document: &DeTable, body: &toml::Spanned<DeValue>) -> Result<Places, Refusal> {
    let refused = |span: &Range<usize>| {
        let sentence = "this is a list: write `[[organizations]]` on a line of its own and the name of one organisation below";
        Err(Refusal::at(span, ORGANIZATIONS, sentence))
    };
    let Some(organizations) = body.get_ref().as_array() else {
        return refused(&body.span());
    };
    if organizations.is_empty() {
        let sentence = "the list is empty, so it is not clear whether nobody is meant or a single one: write `[[organizations]]` for each, or remove it";
        return Err(Refusal::at(&body.span(), ORGANIZATIONS, sentence));
    }
    refuse_shared(document)?;
    let mut places = Vec::new();
    for (index, organization) in organizations.iter().enumerate() {
        let Some(table) = organization.get_ref().as_table() else {
            return refused(&organization.span());
        };
        let checked = check_one(index, &organization.span(), table);
        places.extend(checked.map_err(Refusal::among_several)?);
    }
    Ok(places)
}

/// Refuses what would be of any of them, or of all.
fn refuse_shared(document: &DeTable) -> Result<(), Refusal> {
    let shared = document
        .iter()
        .find(|(name, _)| OWN.contains(&name.get_ref().as_ref()));
    let Some((name, _)) = shared else {
        return Ok(());
    };
    let section = name.get_ref().as_ref();
    let (open, close) = if section == "rules" {
        ("[[", "]]")
    } else {
        ("[", "]")
    };
    let sentence = format!(
        "with `[[organizations]]` each has its own, so that no credentials and no rules are shared unseen: move this below the organisation that is meant, as `{open}organizations.{section}{close}`"
    );
    Err(Refusal::at(&name.span(), section, sentence))
}

/// Checks one organisation.
fn check_one(index: usize, span: &Range<usize>, table: &DeTable) -> Result<Places, Refusal> {
    let under = format!("{ORGANIZATIONS}[{}]", index + 1);
    let mut places = Vec::new();
    let mut named = false;
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        let path = format!("{under}.{word}");
        if word == "name" {
            let place = check_setting(ORGANIZATIONS, &under, (key, value))?;
            let text = value.get_ref().as_str().unwrap_or_default();
            if let Err(invalid) = text.parse::<Organization>() {
                return Err(Refusal::at(&value.span(), path, invalid.to_string()));
            }
            named = true;
            places.push(place);
        } else if OWN.contains(&word) {
            places.extend(check_section(&format!("{under}."), (key, value))?);
        } else if word == "client_secret" {
            return Err(Refusal::at(&key.span(), path, NO_SECRET_HERE));
        } else {
            return Err(Refusal::at(&key.span(), path, not_ones_own(word)));
        }
    }
    if !named {
        let sentence = "it has no name, so nothing could tell its callbacks from those of others: write `name = \"acme\"`, or another short word";
        return Err(Refusal::at(span, under, sentence));
    }
    Ok(places)
}

/// The sentence for what an organisation does not have.
fn not_ones_own(word: &str) -> String {
    if ["journal", "status", "log"].contains(&word) {
        return format!(
            "this is common to all organisations: write `[{word}]` at the top of the file"
        );
    }
    format!(
        "unknown setting: an organisation has name, {}{}",
        OWN.join(", "),
        did_you_mean(word, OWN)
    )
}
