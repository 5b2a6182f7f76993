//! What must hold of whatever comes from outside, for the noise of `cargo test` and of the fuzz targets alike. Each takes
//! bytes, and panics where something does not hold.

#![allow(unreachable_pub, reason = "the fuzz targets use it from another crate")]

use std::{collections::BTreeMap, fs, path::Path, sync::OnceLock};

use callback_prioritizer::{
    conversation::{ConversationId, Observed, Priority},
    genesys::{Failure, untrusted},
    settings::{self, Region, StreamingHost},
};

/// Domain of the region that connect URIs are judged for.
const DOMAIN: &str = "mypurecloud.de";
/// Longest line that a failure may be told in, in bytes.
const LINE: usize = 300;

/// A frame of a socket: the conversation it names may stand in a path.
pub fn frame(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(id) = untrusted::frame(text) {
        plain(&id);
    }
}

/// Any body of an answer, as whatever it might be the answer to.
pub fn body(bytes: &[u8]) {
    let id: ConversationId = "c1".parse().expect("an id");
    match untrusted::conversation(&id, bytes) {
        Ok(Observed::Waiting(waiting)) => {
            assert_eq!(waiting.visit.conversation, id);
            plain(&waiting.visit.leg);
            if let Some(queue) = &waiting.queue {
                plain(queue);
            }
            assert!((Priority::MIN..=Priority::MAX).contains(&waiting.priority));
        }
        Ok(Observed::Scheduled { .. } | Observed::Over(_)) => {}
        Err(failure) => told_in_a_line(&failure),
    }
    match untrusted::activity(bytes) {
        Ok((ids, rows)) => {
            assert!(ids.len() <= rows);
            for id in &ids {
                plain(id);
            }
        }
        Err(failure) => told_in_a_line(&failure),
    }
    match untrusted::topics(&id, bytes) {
        Ok(refused) => {
            for why in refused {
                assert!(!why.contains(char::is_control), "{why:?}");
            }
        }
        Err(failure) => told_in_a_line(&failure),
    }
    for status in [400, 401, 404, 429, 503] {
        told_in_a_line(&untrusted::failure(status, bytes));
    }
}

/// A settings file: understood, or refused in one line.
pub fn settings_file(bytes: &[u8], path: &Path) {
    // The secret comes from a file that is named here, so that no file is opened that noise names.
    static ENVIRONMENT: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let environment = ENVIRONMENT.get_or_init(|| {
        let secret = path.with_extension("secret");
        fs::write(&secret, "canary").expect("a secret");
        BTreeMap::from([
            (
                "CALLBACK_PRIORITIZER__GENESYS__CLIENT_SECRET_FILE".to_owned(),
                secret.to_str().expect("a path").to_owned(),
            ),
            ("GENESYSCLOUD_OAUTHCLIENT_ID".to_owned(), "id".to_owned()),
        ])
    });
    fs::write(path, bytes).expect("a file");
    match settings::load(Some(path), environment) {
        Ok(settings) => {
            for line in settings.describe() {
                assert!(!line.contains("canary"), "{line}");
            }
            let _shown = settings.findings();
            assert!(!format!("{settings:?}").contains("canary"));
        }
        Err(refusal) => {
            let line = refusal.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}

/// A connect URI: where it is accepted, it leads to the region's domain by the plainest reading there is.
pub fn connect_uri(bytes: &[u8]) {
    let Ok(uri) = std::str::from_utf8(bytes) else {
        return;
    };
    let region = Region::try_from(DOMAIN.to_owned()).expect("a region");
    let api = format!("https://api.{DOMAIN}/").parse().expect("a URL");
    let Ok(url) = StreamingHost::new(&region, &api).accepts(uri) else {
        return;
    };
    assert!(uri.is_ascii() && url.scheme() == "wss");
    let rest = &uri["wss://".len()..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest[..end].to_ascii_lowercase();
    let host = authority.strip_suffix(":443").unwrap_or(&authority);
    let labels = host
        .strip_suffix(DOMAIN)
        .and_then(|rest| rest.strip_suffix('.'));
    let label = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'@')
    };
    assert!(
        labels.is_some_and(|labels| labels.split('.').all(label)),
        "{uri}"
    );
    assert_eq!(
        (url.host_str(), url.port_or_known_default()),
        (Some(host), Some(443))
    );
    assert!(url.username().is_empty() && url.password().is_none());
}

/// Sees that a word may stand in a path and in a line.
fn plain(word: &impl ToString) {
    let word = word.to_string();
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(
        (1..=64).contains(&word.len()) && word.bytes().all(safe),
        "{word:?}"
    );
}

/// Sees that a failure is told in a line, and not in the words of who sent it.
fn told_in_a_line(failure: &Failure) {
    let told = format!("{failure} {:?}", failure.correlation_id());
    assert!(
        told.len() < LINE && !told.contains(char::is_control),
        "{told:?}"
    );
}
