//! The organisation's region: which hosts carry its API, its sign-in and its notifications.
//!
//! The client's id and secret are sent to a host derived from here, so what is not recognised is not guessed at: an
//! AWS region must be in the table, and a domain outside it is accepted only with a warning, because new regions
//! appear faster than releases of this program.

use std::fmt;

use serde::Deserialize;

use super::nearest::{did_you_mean, nearest};

/// AWS region and domain of every public region, as the official SDK lists them (`purecloud_region_hosts.py`).
const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "mypurecloud.com"),
    ("us-east-2", "use2.us-gov-pure.cloud"),
    ("us-west-2", "usw2.pure.cloud"),
    ("ca-central-1", "cac1.pure.cloud"),
    ("mx-central-1", "mxc1.pure.cloud"),
    ("sa-east-1", "sae1.pure.cloud"),
    ("eu-west-1", "mypurecloud.ie"),
    ("eu-west-2", "euw2.pure.cloud"),
    ("eu-central-1", "mypurecloud.de"),
    ("eu-central-2", "euc2.pure.cloud"),
    ("eusc-de-east-1", "edee1.eusc-pure.cloud"),
    ("me-central-1", "mec1.pure.cloud"),
    ("ap-south-1", "aps1.pure.cloud"),
    ("ap-southeast-1", "apse1.pure.cloud"),
    ("ap-southeast-2", "mypurecloud.com.au"),
    ("ap-northeast-1", "mypurecloud.jp"),
    ("ap-northeast-2", "apne2.pure.cloud"),
    ("ap-northeast-3", "apne3.pure.cloud"),
];

/// First labels of host names that people copy from a browser or a log instead of the domain.
const SERVICES: [&str; 4] = ["api.", "apps.", "login.", "streaming."];

/// Longest host name in the DNS, less the longest service label put in front of the domain.
const MAX_DOMAIN: usize = 253 - "streaming.".len();

/// A region of Genesys Cloud. Written in the settings as its AWS name or as the organisation's domain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Region {
    /// The domain under which its hosts live.
    domain: String,
}

impl Default for Region {
    /// The platform's first region, which its own tools assume as well.
    fn default() -> Self {
        let (_, domain) = REGIONS[0];
        Self {
            domain: domain.to_owned(),
        }
    }
}

impl TryFrom<String> for Region {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = REGIONS
            .into_iter()
            .find(|(aws, domain)| *aws == text || *domain == text);
        if let Some((_, domain)) = known {
            return Ok(Self {
                domain: domain.to_owned(),
            });
        }
        refuse_near_misses(&text)?;
        if !text.contains('.') {
            return Err(unknown_name(&text));
        }
        if !is_domain(&text) {
            return Err(format!(
                "`{}` is neither an AWS region nor a domain: write \"eu-central-1\" or \"mypurecloud.de\"",
                text.escape_debug()
            ));
        }
        Ok(Self { domain: text })
    }
}

impl Region {
    /// The domain under which the region's hosts live: `mypurecloud.de`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Its AWS name, where it is one of the regions this release knows.
    #[must_use]
    pub fn aws_name(&self) -> Option<&'static str> {
        REGIONS
            .into_iter()
            .find(|(_, domain)| *domain == self.domain)
            .map(|(aws, _)| aws)
    }

    /// The known domain that an unknown one most resembles.
    pub(super) fn resembles(&self) -> Option<&'static str> {
        nearest(&self.domain, REGIONS.iter().map(|(_, domain)| *domain))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.aws_name() {
            Some(aws) => write!(f, "{aws} ({})", self.domain),
            None => f.write_str(&self.domain),
        }
    }
}

/// Refuses what is clearly meant as a domain or name but would lead to other hosts.
fn refuse_near_misses(text: &str) -> Result<(), String> {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let lower = bare.to_lowercase();
    let domain = SERVICES
        .iter()
        .find_map(|service| lower.strip_prefix(service))
        .unwrap_or(&lower);
    let meant = is_domain(domain) || REGIONS.iter().any(|(aws, _)| *aws == domain);
    if domain != text && meant {
        return Err(format!(
            "a region is an AWS name or a bare domain in lower case: write \"{domain}\""
        ));
    }
    Ok(())
}

/// The refusal of a name without dots: all names are listed, for there is no other way to know them.
fn unknown_name(text: &str) -> String {
    let names: Vec<_> = REGIONS.iter().map(|(aws, _)| *aws).collect();
    format!(
        "unknown region `{}`: known are {}, or give the organisation's domain such as \"mypurecloud.de\"{}",
        text.escape_debug(),
        names.join(", "),
        did_you_mean(text, names.iter().copied())
    )
}

/// Whether `text` is a plain lower-case host name of at least two labels, with a name at its end and no address.
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= MAX_DOMAIN
        && text.contains('.')
        && text.split('.').all(label)
        && top.starts_with(|first: char| first.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_every_region_mean_the_same() {
        for (aws, domain) in REGIONS {
            let by_name = Region::try_from(aws.to_owned()).unwrap();
            assert_eq!(by_name, Region::try_from(domain.to_owned()).unwrap());
            assert_eq!((by_name.domain(), by_name.aws_name()), (domain, Some(aws)));
        }
    }

    #[test]
    fn a_domain_that_is_not_in_the_table_is_taken_as_it_stands() {
        let region = Region::try_from("euc3.pure.cloud".to_owned()).unwrap();
        assert_eq!(
            (region.domain(), region.aws_name()),
            ("euc3.pure.cloud", None)
        );
        assert_eq!(region.resembles(), Some("euc2.pure.cloud"));
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        for (text, expected) in [
            ("api.mypurecloud.de", "write \"mypurecloud.de\""),
            ("https://api.mypurecloud.de/", "write \"mypurecloud.de\""),
            ("apps.mypurecloud.de", "write \"mypurecloud.de\""),
            ("https://login.euc3.pure.cloud", "write \"euc3.pure.cloud\""),
            ("MyPureCloud.DE", "write \"mypurecloud.de\""),
            ("EU-Central-1", "write \"eu-central-1\""),
            ("eu-centrl-1", "did you mean `eu-central-1`?"),
            ("moon-base-7", "known are us-east-1, us-east-2"),
            ("", "unknown region ``"),
            ("10.0.0.1", "neither an AWS region nor a domain"),
            ("mypurecloud.de.", "neither an AWS region nor a domain"),
            ("my purecloud.de", "neither an AWS region nor a domain"),
            ("mypurecloud.de:443", "neither an AWS region nor a domain"),
            ("münchen.de", "neither an AWS region nor a domain"),
            ("-a.de", "neither an AWS region nor a domain"),
        ] {
            let refusal = Region::try_from(text.to_owned()).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
        }
    }
}
