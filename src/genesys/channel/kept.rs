//! A channel that outlives its daemon: kept where replicas keep what they share, for the one that takes up its work.
//!
//! An OAuth client may have twenty channels, and each lives for a day: a replica that is killed again and again and made a
//! new one each time would soon end those of the others. Whoever knows a channel can listen to it, so it is kept sealed,
//! under a key that is made of the client's secret: who can open it needs no channel to listen.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Channel;
use crate::{clock::elapsed, settings::StreamingHost};

/// What the key is for; no other key of ours is made with it.
const PURPOSE: &[u8] = b"callback-prioritizer: kept channels";
/// Times that a channel is taken up again. The platform's own client does it as often, and then makes a new one:
/// `genesys-cloud-streaming-client`, connection-manager.
const MOST_USES: u32 = 10;
/// Bytes of the key.
const KEY_LENGTH: usize = 32;

/// A channel as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Names it in requests.
    id: String,
    /// Where a socket connects.
    uri: String,
    /// When to have its successor up.
    renew_at: Timestamp,
    /// How often it was taken up again.
    uses: u32,
}

/// Seals channels and opens them again.
pub(in crate::genesys) struct Seal(RandomizedNonceKey);

/// The length of the key.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY_LENGTH
    }
}

impl Seal {
    /// The seal of whoever has this secret. Nothing where no key can be made of it.
    pub(in crate::genesys) fn of(secret: &SecretString) -> Option<Self> {
        let secret = secret.expose_secret().as_bytes();
        let made = Salt::new(HKDF_SHA256, PURPOSE).extract(secret);
        let mut key = [0; KEY_LENGTH];
        made.expand(&[PURPOSE], Length).ok()?.fill(&mut key).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok().map(Self)
    }

    /// A channel, sealed, at this time of the platform.
    pub(in crate::genesys) fn close(&self, channel: &Channel, now: Timestamp) -> Option<String> {
        let left = channel.renew_at.saturating_duration_since(Instant::now());
        let kept = Kept {
            id: channel.id().to_owned(),
            uri: channel.uri().to_owned(),
            renew_at: now.saturating_add(left).ok()?,
            uses: channel.uses,
        };
        let mut bytes = serde_json::to_vec(&kept).ok()?;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::empty(), &mut bytes)
            .ok()?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Some(BASE64_STANDARD.encode(sealed))
    }

    /// The channel that was sealed, to be taken up again; nothing where it is of another secret, has been taken up too often,
    /// or is due to be replaced.
    pub(in crate::genesys) fn open(
        &self,
        sealed: &str,
        hosts: &StreamingHost,
        now: Timestamp,
    ) -> Option<Channel> {
        let mut sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, bytes) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let bytes = self.0.open_in_place(nonce, Aad::empty(), bytes).ok()?;
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let left = elapsed(now, kept.renew_at);
        if kept.uses >= MOST_USES || left.is_zero() {
            return None;
        }
        // Not believed because it was sealed: another version may have known other hosts.
        let uri = hosts.accepts(&kept.uri).ok()?;
        Some(Channel {
            id: kept.id.into(),
            uri: String::from(uri).into(),
            renew_at: Instant::now() + left,
            uses: kept.uses + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::settings::Region;

    /// The platform's host of sockets.
    fn hosts() -> StreamingHost {
        let region = Region::try_from("us-east-1".to_owned()).unwrap();
        StreamingHost::new(&region, &"http://127.0.0.1:1/".parse().unwrap())
    }

    /// A channel that is good for an hour.
    fn channel(uses: u32) -> Channel {
        Channel {
            id: "channel-1".to_owned().into(),
            uri: "ws://127.0.0.1:1/channels/channel-1".to_owned().into(),
            renew_at: Instant::now() + Duration::from_hours(1),
            uses,
        }
    }

    fn seal(secret: &str) -> Seal {
        Seal::of(&secret.to_owned().into()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_opened_by_the_same_secret_alone() {
        let now = Timestamp::UNIX_EPOCH;
        let sealed = seal("one").close(&channel(0), now).unwrap();
        assert!(!sealed.contains("channel"));
        let again = seal("one").close(&channel(0), now).unwrap();
        assert_ne!(sealed, again, "two seals are never alike");
        let opened = seal("one").open(&sealed, &hosts(), now).unwrap();
        assert_eq!(
            (opened.id(), opened.uri(), opened.uses),
            ("channel-1", channel(0).uri(), 1)
        );
        assert!(seal("two").open(&sealed, &hosts(), now).is_none());
        for broken in ["", "AAAA", "not base64!", &sealed[4..]] {
            assert!(
                seal("one").open(broken, &hosts(), now).is_none(),
                "{broken}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_due_or_was_used_often_is_not_taken_up() {
        let now = Timestamp::UNIX_EPOCH;
        let sealed = seal("s").close(&channel(MOST_USES - 1), now).unwrap();
        let opened = seal("s").open(&sealed, &hosts(), now).unwrap();
        let again = seal("s").close(&opened, now).unwrap();
        assert!(seal("s").open(&again, &hosts(), now).is_none(), "too often");
        advance(Duration::from_mins(59)).await;
        let soon = now + Duration::from_mins(59);
        let left = seal("s").open(&sealed, &hosts(), soon).unwrap().renew_at - Instant::now();
        assert_eq!(left, Duration::from_mins(1));
        let due = now + Duration::from_hours(1);
        assert!(seal("s").open(&sealed, &hosts(), due).is_none(), "due");
    }
}
