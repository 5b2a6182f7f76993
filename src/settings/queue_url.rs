//! The URL of an SQS queue, as AWS shows it: where to ask, for which queue, in which region.
//!
//! Requests to it are signed, so it is https. Plain http is for a stand-in on the same machine and is accepted on loopback
//! only. A refusal never repeats the URL: people paste passwords into them.

use std::fmt;

use reqwest::Url;
use serde::Deserialize;

use super::endpoint::Endpoint;

/// Longest name of a queue, by SQS's own limit.
const LONGEST_NAME: usize = 80;

/// The URL of an SQS queue. Shown without the account's number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct QueueUrl {
    /// The whole.
    url: Url,
    /// What the queue is called.
    name: String,
    /// The region that its host names.
    region: Option<String>,
}

impl QueueUrl {
    /// The whole, as SQS wants it in requests.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The region that its host names; nothing for a host of somebody else's.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether both are of one queue. Its host may be written in several ways.
    pub(super) fn is_queue_of(&self, other: &Self) -> bool {
        let host = match (&self.region, &other.region) {
            (Some(here), Some(there)) => here == there,
            _ => self.url.origin() == other.url.origin(),
        };
        host && self.url.path() == other.url.path()
    }

    /// Whether requests stay on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.scheme() == "http"
    }
}

impl TryFrom<String> for QueueUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const EXPECTED: &str = "expected the URL that AWS shows for the queue, such as \"https://sqs.eu-central-1.amazonaws.com/123456789012/callbacks\"";
        // Strict in all that it shares with the other URLs.
        let Endpoint(mut url) = Endpoint::try_from(text).map_err(|refusal| {
            if refusal.starts_with("plain http") {
                return "plain http would show the signed requests to the network: write https, or a loopback address for a stand-in on this machine".to_owned();
            }
            refusal
        })?;
        let path = url.path().trim_end_matches('/').to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let [account, name] = parts[..] else {
            return Err(EXPECTED.to_owned());
        };
        if account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EXPECTED.to_owned());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.strip_suffix(".fifo").is_some() {
            return Err("EventBridge and this daemon take a standard queue, and this is a FIFO queue: name one without `.fifo`".to_owned());
        }
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(plain) {
            return Err(EXPECTED.to_owned());
        }
        let (name, region) = (name.to_owned(), url.host_str().and_then(region));
        url.set_path(&path);
        Ok(Self { url, name, region })
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.region, self.url.host_str()) {
            (Some(region), _) => write!(f, "{} in {region}", self.name),
            (None, Some(host)) => write!(f, "{} on {host}", self.name),
            (None, None) => f.write_str(&self.name),
        }
    }
}

/// The region that one of SQS's own hosts names: `sqs.REGION.amazonaws.com`, `sqs-fips.REGION.amazonaws.com`,
/// `sqs.REGION.api.aws`, `ID.sqs.REGION.vpce.amazonaws.com`, the same in other partitions, and the old form
/// `REGION.queue.amazonaws.com`.
fn region(host: &str) -> Option<String> {
    let labels: Vec<&str> = host.split('.').collect();
    if !host.contains(".amazonaws.") && !host.ends_with(".api.aws") {
        return None;
    }
    let service = |label: &&str| ["sqs", "sqs-fips"].contains(label);
    let region = if let Some(at) = labels.iter().position(service) {
        labels.get(at + 1)
    } else if labels.get(1) == Some(&"queue") {
        labels.first()
    } else {
        None
    };
    region.map(|region| (*region).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_read_from_the_host() {
        for (host, expected) in [
            ("sqs.eu-central-1.amazonaws.com", Some("eu-central-1")),
            ("sqs-fips.us-east-2.amazonaws.com", Some("us-east-2")),
            ("sqs.eu-west-1.api.aws", Some("eu-west-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            (
                "vpce-1a-2b.sqs.eu-west-1.vpce.amazonaws.com",
                Some("eu-west-1"),
            ),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("sqs.example.com", None),
        ] {
            let url = format!("https://{host}/123456789012/callbacks");
            let queue = QueueUrl::try_from(url.clone()).unwrap();
            assert_eq!(queue.region(), expected, "{host}");
            assert_eq!(queue.as_str(), url);
            assert_eq!(queue.endpoint(), format!("https://{host}"));
            assert!(!queue.to_string().contains("123456789012"), "{queue}");
        }
    }

    #[test]
    fn a_queue_is_the_same_by_each_of_its_hosts() {
        let queue = |text: &str| QueueUrl::try_from(text.to_owned()).unwrap();
        let one = queue("https://sqs.eu-west-1.amazonaws.com/1/callbacks");
        let here = queue("http://127.0.0.1:5000/1/callbacks");
        for (other, same) in [
            ("https://sqs.eu-west-1.amazonaws.com/1/callbacks/", true),
            ("https://sqs-fips.eu-west-1.amazonaws.com/1/callbacks", true),
            ("https://eu-west-1.queue.amazonaws.com/1/callbacks", true),
            ("https://sqs.eu-west-2.amazonaws.com/1/callbacks", false),
            ("https://sqs.eu-west-1.amazonaws.com/2/callbacks", false),
            ("https://sqs.eu-west-1.amazonaws.com/1/Callbacks", false),
            ("http://127.0.0.1:5000/1/callbacks", false),
        ] {
            assert_eq!(one.is_queue_of(&queue(other)), same, "{other}");
        }
        assert!(here.is_queue_of(&here));
        assert!(!here.is_queue_of(&queue("http://127.0.0.1:5001/1/callbacks")));
    }

    #[test]
    fn what_is_no_url_of_a_queue_is_refused_and_not_repeated() {
        for (text, expected) in [
            ("https://sqs.eu-west-1.amazonaws.com", "such as"),
            ("https://sqs.eu-west-1.amazonaws.com/canary", "such as"),
            (
                "https://sqs.eu-west-1.amazonaws.com/canary/canary",
                "such as",
            ),
            ("https://sqs.eu-west-1.amazonaws.com/1/canary/x", "such as"),
            ("https://sqs.eu-west-1.amazonaws.com/1/canary.fifo", "FIFO"),
            ("https://sqs.eu-west-1.amazonaws.com/1/can%20ary", "such as"),
            ("arn:aws:sqs:eu-west-1:1:canary", "begins with https"),
            ("http://sqs.eu-west-1.amazonaws.com/1/canary", "plain http"),
            ("https://canary:canary@sqs.example/1/q", "user or password"),
        ] {
            let refusal = QueueUrl::try_from(text.to_owned()).unwrap_err();
            assert!(refusal.contains(expected), "{text}: {refusal}");
            assert!(!refusal.contains("canary"), "{refusal}");
        }
    }
}
