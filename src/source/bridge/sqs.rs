//! The queue of SQS, by the AWS SDK: its credentials, its signatures, its protocol; and failures classified, once.
//!
//! The SDK does not retry: who calls decides when to ask again, so that one place says that the queue cannot be read.

use std::{collections::HashMap, error::Error, time::Duration};

use async_trait::async_trait;
use aws_config::{
    BehaviorVersion, Region, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
        QueueAttributeName,
    },
};
use tokio::sync::OnceCell;

use super::{
    BATCH, Mailbox, Manner,
    held::{Delivery, Message},
    http::Requests,
};
use crate::{
    genesys::{Failure, FailureKind, NoTls, http_client},
    settings::QueueUrl,
};

/// How long SQS waits for a message before it answers that there is none, by its own limit.
const LONG_POLL: Duration = Duration::from_secs(20);
/// Longest time for an answer, beyond that.
const DEADLINE: Duration = Duration::from_secs(10);
/// For how long a queue hides a message if it does not say.
const HIDES: Duration = Duration::from_secs(30);

/// A queue of SQS.
pub(crate) struct Sqs {
    /// Which queue.
    url: QueueUrl,
    /// What requests go by.
    http: Requests,
    /// The SDK's client, once it was asked for: what it needs is looked for in files and on the network.
    client: OnceCell<Client>,
}

impl Sqs {
    /// The queue with this URL. Nothing is asked of it yet.
    pub(crate) fn new(url: &QueueUrl) -> Result<Self, NoTls> {
        Ok(Self {
            http: Requests::by(http_client(!url.is_local())?),
            url: url.clone(),
            client: OnceCell::new(),
        })
    }

    /// How the queue is set up.
    pub(crate) async fn look(&self) -> Result<Manner, Failure> {
        const CALL: &str = "reading the queue's attributes";
        let answer = self
            .client()
            .await
            .get_queue_attributes()
            .queue_url(self.url.as_str())
            .attribute_names(QueueAttributeName::VisibilityTimeout)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .send()
            .await
            .map_err(|error| failure(CALL, &error))?;
        let attributes: HashMap<_, _> = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(&name).and_then(|text| text.parse().ok());
        let hides = number(QueueAttributeName::VisibilityTimeout);
        Ok(Manner {
            // A queue that hides nothing would deliver again what is being noted.
            hides: hides.map_or(HIDES, |seconds: u64| Duration::from_secs(seconds.max(1))),
            has_dead_letters: attributes.contains_key(&QueueAttributeName::RedrivePolicy),
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages).unwrap_or_default(),
        })
    }

    /// Whether messages may be read and deleted. One that is read shows again at once, and counts as delivered once more.
    pub(crate) async fn try_out(&self) -> Result<(), Failure> {
        self.ask(Duration::ZERO, Duration::ZERO, 1).await?;
        // A handle that no delivery ever had: whoever may not delete is told so first.
        let nothing = Delivery {
            id: "none".to_owned(),
            handle: "none".to_owned(),
        };
        self.delete(std::slice::from_ref(&nothing)).await?;
        self.keep(&[nothing], Duration::ZERO).await
    }

    /// Asks for so many messages, waits for them so long, and hides them for so long.
    async fn ask(
        &self,
        wait: Duration,
        hide: Duration,
        number: usize,
    ) -> Result<Vec<Message>, Failure> {
        const CALL: &str = "reading messages";
        let answer = self
            .client()
            .await
            .receive_message()
            .queue_url(self.url.as_str())
            .max_number_of_messages(whole(number as u64))
            .wait_time_seconds(whole(wait.as_secs()))
            .visibility_timeout(whole(hide.as_secs()))
            .send()
            .await
            .map_err(|error| failure(CALL, &error))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .filter_map(|message| {
                Some(Message {
                    id: message.message_id?,
                    handle: message.receipt_handle?,
                    body: message.body.unwrap_or_default(),
                })
            })
            .collect())
    }

    /// The SDK's client.
    async fn client(&self) -> &Client {
        self.client
            .get_or_init(|| async {
                let region = self
                    .url
                    .region()
                    .map(|region| Region::new(region.to_owned()));
                let limit = TimeoutConfig::builder()
                    .connect_timeout(DEADLINE)
                    .read_timeout(LONG_POLL + DEADLINE)
                    .operation_timeout(LONG_POLL + DEADLINE)
                    .build();
                let mut loader = aws_config::defaults(BehaviorVersion::latest())
                    .http_client(self.http.clone())
                    .retry_config(RetryConfig::disabled())
                    .timeout_config(limit)
                    // It would take a long poll for a stalled one after five seconds.
                    .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
                if let Some(region) = region {
                    loader = loader.region(region);
                }
                let config = loader.load().await;
                let config = aws_sdk_sqs::config::Builder::from(&config)
                    .endpoint_url(self.url.endpoint())
                    .build();
                Client::from_conf(config)
            })
            .await
    }
}

#[async_trait]
impl Mailbox for Sqs {
    async fn manner(&self) -> Result<Manner, Failure> {
        self.look().await
    }

    async fn receive(&self, hide: Duration) -> Result<Vec<Message>, Failure> {
        self.ask(LONG_POLL, hide, BATCH).await
    }

    async fn delete(&self, deliveries: &[Delivery]) -> Result<(), Failure> {
        const CALL: &str = "deleting messages";
        let mut request = self
            .client()
            .await
            .delete_message_batch()
            .queue_url(self.url.as_str());
        for (number, delivery) in deliveries.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&delivery.handle)
                .build();
            request = request.entries(entry.map_err(|error| unsendable(CALL, error))?);
        }
        // What single ones are refused for is that they were delivered again, or are gone.
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| failure(CALL, &error))
    }

    async fn keep(&self, deliveries: &[Delivery], hide: Duration) -> Result<(), Failure> {
        const CALL: &str = "hiding messages";
        let mut request = self
            .client()
            .await
            .change_message_visibility_batch()
            .queue_url(self.url.as_str());
        for (number, delivery) in deliveries.iter().enumerate() {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(&delivery.handle)
                .visibility_timeout(whole(hide.as_secs()))
                .build();
            request = request.entries(entry.map_err(|error| unsendable(CALL, error))?);
        }
        let answer = request.send().await;
        answer.map(|_| ()).map_err(|error| failure(CALL, &error))
    }
}

/// A number as the SDK wants it.
fn whole(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A request that cannot be made.
fn unsendable(call: &'static str, error: impl Error + Send + Sync + 'static) -> Failure {
    let what = "the request cannot be made";
    Failure::local(FailureKind::Unexpected, call, what, Some(Box::new(error)))
}

/// What a caller can do about the SDK's error. Only its code and our own words are taken over: its sentences may hold names
/// of keys and what programs for credentials have printed.
fn failure<E: ProvideErrorMetadata>(call: &'static str, error: &SdkError<E>) -> Failure {
    let (kind, what) = match error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            let code = refused.err().meta().code().unwrap_or_default();
            // Some codes carry their namespace in front.
            let code = code.rsplit(['#', '.']).next().unwrap_or_default();
            (kind(status, code), format!("{status} {}", plain(code)))
        }
        SdkError::TimeoutError(_) => (FailureKind::Transient, "no answer in time".to_owned()),
        SdkError::DispatchFailure(failed) if failed.is_timeout() => {
            (FailureKind::Transient, "no answer in time".to_owned())
        }
        SdkError::DispatchFailure(failed) if failed.is_io() => {
            let cause = failed.as_connector_error().map(root_cause);
            let cause = cause.unwrap_or_default();
            (
                FailureKind::Transient,
                format!("SQS cannot be reached: {cause}"),
            )
        }
        SdkError::DispatchFailure(_) => (
            FailureKind::Denied,
            "no AWS credentials could be had".to_owned(),
        ),
        SdkError::ConstructionFailure(_) => (
            FailureKind::Denied,
            "no AWS region is known: set AWS_REGION".to_owned(),
        ),
        _ => (
            FailureKind::Unexpected,
            "the answer is not one of SQS's".to_owned(),
        ),
    };
    Failure::local(kind, call, what, None)
}

/// What a caller can do about an answer with this status and code.
fn kind(status: u16, code: &str) -> FailureKind {
    if ["NonExistentQueue", "QueueDoesNotExist"].contains(&code) {
        return FailureKind::Gone;
    }
    if ["RequestThrottled", "ThrottlingException", "Throttling"].contains(&code) {
        return FailureKind::Transient;
    }
    let denied = [
        "AccessDenied",
        "ClientTokenId",
        "Signature",
        "ExpiredToken",
        "UnrecognizedClient",
        "OptInRequired",
    ];
    match status {
        401 | 403 => FailureKind::Denied,
        _ if denied.iter().any(|word| code.contains(word)) => FailureKind::Denied,
        408 | 429 | 500..=599 => FailureKind::Transient,
        _ => FailureKind::Unexpected,
    }
}

/// A code without what could break a line.
fn plain(code: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric();
    code.chars().filter(plain).take(80).collect()
}

/// The innermost reason of an error: a name that is not known, a port that is closed, a certificate that is not trusted.
fn root_cause(error: &(impl Error + 'static)) -> String {
    let mut innermost: &dyn Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string().replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqs_answers_is_classified() {
        use FailureKind::{Denied, Gone, Transient, Unexpected};
        for (status, code, expected) in [
            (400, "QueueDoesNotExist", Gone),
            (400, "NonExistentQueue", Gone),
            (403, "AccessDenied", Denied),
            (400, "AccessDeniedException", Denied),
            (403, "InvalidClientTokenId", Denied),
            (400, "UnrecognizedClientException", Denied),
            (400, "ExpiredTokenException", Denied),
            (400, "RequestThrottled", Transient),
            (503, "ServiceUnavailable", Transient),
            (500, "", Transient),
            (400, "InvalidAddress", Unexpected),
        ] {
            assert_eq!(kind(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_code_breaks_no_line() {
        assert_eq!(plain("Access\u{1b}[31m\nDenied"), "Access31mDenied");
    }
}
