//! The bridge before a queue that behaves as SQS is documented to, under a paused clock.

use std::sync::{Mutex, MutexGuard};

use tokio::{
    sync::Notify,
    time::{Instant, advance, timeout, timeout_at},
};

use super::*;
use crate::{genesys::FailureKind, source::Receipt};

/// For how long the queue hides a message.
const HIDES: Duration = Duration::from_secs(30);
/// How long it waits for one.
const LONG_POLL: Duration = Duration::from_secs(20);
/// Virtual time after which what has not come does not come.
const PATIENCE: Duration = Duration::from_hours(1);

/// A message in the queue.
struct Stored {
    id: String,
    body: String,
    deliveries: u32,
    hidden_until: Instant,
}

/// A queue in memory.
#[derive(Default)]
struct Fake {
    messages: Mutex<Vec<Stored>>,
    failing: Mutex<Option<FailureKind>>,
    /// How often it was asked since it does not wait any more.
    hasty: Mutex<Option<u32>>,
    changed: Notify,
}

impl Fake {
    fn stored(&self) -> MutexGuard<'_, Vec<Stored>> {
        self.messages.lock().unwrap()
    }

    fn put(&self, id: &str, body: impl Into<String>) {
        self.stored().push(Stored {
            id: id.to_owned(),
            body: body.into(),
            deliveries: 0,
            hidden_until: Instant::now(),
        });
        self.changed.notify_waiters();
    }

    fn fail(&self, kind: Option<FailureKind>) {
        *self.failing.lock().unwrap() = kind;
        self.changed.notify_waiters();
    }

    /// How often a message was delivered; nothing once it is deleted.
    fn deliveries(&self, id: &str) -> Option<u32> {
        let stored = self.stored();
        let one = stored.iter().find(|one| one.id == id)?;
        Some(one.deliveries)
    }

    fn answer(&self) -> Result<(), Failure> {
        match *self.failing.lock().unwrap() {
            Some(kind) => Err(Failure::local(kind, "test", "told to", None)),
            None => Ok(()),
        }
    }

    /// Messages that show now.
    fn take(&self, hide: Duration) -> Vec<Message> {
        let now = Instant::now();
        let mut stored = self.stored();
        let showing = stored.iter_mut().filter(|one| one.hidden_until <= now);
        showing
            .take(BATCH)
            .map(|one| {
                one.deliveries += 1;
                one.hidden_until = now + hide;
                Message {
                    id: one.id.clone(),
                    handle: format!("{}#{}", one.id, one.deliveries),
                    body: one.body.clone(),
                }
            })
            .collect()
    }
}

#[async_trait]
impl Mailbox for Fake {
    async fn manner(&self) -> Result<Manner, Failure> {
        self.answer().map(|()| Manner {
            hides: HIDES,
            has_dead_letters: true,
            waiting: 0,
        })
    }

    async fn receive(&self, hide: Duration) -> Result<Vec<Message>, Failure> {
        let until = Instant::now() + LONG_POLL;
        loop {
            self.answer()?;
            let messages = self.take(hide);
            let hasty = self.hasty.lock().unwrap().as_mut().map(|asked| *asked += 1);
            if !messages.is_empty() || Instant::now() >= until || hasty.is_some() {
                return Ok(messages);
            }
            let shows = self.stored().iter().map(|one| one.hidden_until).min();
            let next = shows.map_or(until, |shows| shows.min(until));
            let _changed = timeout_at(next, self.changed.notified()).await;
        }
    }

    async fn delete(&self, deliveries: &[Delivery]) -> Result<(), Failure> {
        assert!(deliveries.len() <= BATCH);
        self.answer()?;
        self.stored()
            .retain(|one| deliveries.iter().all(|gone| gone.id != one.id));
        Ok(())
    }

    async fn keep(&self, deliveries: &[Delivery], hide: Duration) -> Result<(), Failure> {
        assert!(deliveries.len() <= BATCH);
        self.answer()?;
        let until = Instant::now() + hide;
        for one in self.stored().iter_mut() {
            if deliveries.iter().any(|kept| kept.id == one.id) {
                one.hidden_until = until;
            }
        }
        Ok(())
    }
}

/// A bridge that runs, its queue, and the fleet's end of its notices.
struct Running {
    queue: Arc<Fake>,
    notices: mpsc::Receiver<Notice>,
    status: Status,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    fn start() -> Self {
        let queue = Arc::new(Fake::default());
        let (sender, notices) = mpsc::channel(1_024);
        let (status, stop) = (Status::default(), CancellationToken::new());
        let bridge = Bridge {
            mailbox: Arc::clone(&queue),
            ours: Arc::new(Queues::new(&["*".to_owned()])),
            notices: sender,
            status: status.clone(),
        };
        status.update(|now| now.swept = true);
        let mut tasks = JoinSet::new();
        tasks.spawn(bridge.run(stop.clone()));
        Self {
            queue,
            notices,
            status,
            stop,
            tasks,
        }
    }

    /// The next conversation that was told of, and what is owed for it.
    async fn told(&mut self) -> (String, Receipt) {
        match timeout(PATIENCE, self.notices.recv()).await.unwrap() {
            Some(Notice::Told { id, receipt, .. }) => (id.to_string(), receipt),
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, wanted: impl FnMut(&crate::status::Snapshot) -> bool) {
        let waiting = timeout(PATIENCE, self.status.until(wanted)).await;
        waiting.unwrap_or_else(|_| panic!("never came: {:?}", self.status.snapshot().event_queue));
    }

    /// Lets time pass in which nothing may be told.
    async fn nothing_for(&mut self, time: Duration) {
        let told = timeout(time, self.notices.recv()).await;
        assert!(told.is_err(), "{told:?}");
    }
}

/// A callback that has entered a queue.
fn arrival(conversation: &str) -> String {
    format!(
        r#"{{"source":"aws.partner/genesys.com/cloud/o/s","time":"2026-01-05T09:00:00Z","detail":
        {{"topicName":"v2.detail.events.conversation.{conversation}.acd.start","eventBody":{{"mediaType":"CALLBACK"}}}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_message_is_deleted_once_its_callback_is_noted_and_not_before() {
    let mut bridge = Running::start();
    bridge.queue.put("m", arrival("c1"));
    let (id, receipt) = bridge.told().await;
    assert_eq!(id, "c1");
    bridge.nothing_for(PATIENCE).await;
    assert_eq!(bridge.queue.deliveries("m"), Some(1), "hidden all the time");
    assert_eq!(bridge.status.snapshot().event_queue.held, 1);
    receipt.send(()).unwrap();
    bridge.until(|now| now.event_queue.deleted == 1).await;
    assert_eq!(bridge.queue.deliveries("m"), None);
    assert_eq!(bridge.status.snapshot().event_queue.held, 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_noted_is_delivered_again() {
    let mut bridge = Running::start();
    bridge.queue.put("m", arrival("c1"));
    drop(bridge.told().await);
    bridge.until(|now| now.event_queue.given_back == 1).await;
    let (_, receipt) = bridge.told().await;
    assert_eq!(bridge.queue.deliveries("m"), Some(2));
    receipt.send(()).unwrap();
    bridge.until(|now| now.event_queue.deleted == 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_understood_is_counted_and_left_to_the_queue() {
    let mut bridge = Running::start();
    bridge.queue.put("poison", "no JSON");
    bridge.queue.put("m", arrival("c1"));
    let (_, receipt) = bridge.told().await;
    receipt.send(()).unwrap();
    bridge.until(|now| now.event_queue.strange == 3).await;
    assert_eq!(
        bridge.queue.deliveries("poison"),
        Some(3),
        "never hidden anew"
    );
    assert_eq!(bridge.queue.deliveries("m"), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_no_concern_is_deleted_at_once() {
    let mut bridge = Running::start();
    let voice = arrival("c1").replace("CALLBACK", "VOICE");
    bridge.queue.put("m", voice);
    bridge.until(|now| now.event_queue.deleted == 1).await;
    bridge.nothing_for(HIDES).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_while_the_journal_does_not_work() {
    let mut bridge = Running::start();
    bridge.nothing_for(Duration::from_secs(1)).await;
    let trouble = Some("disk full".to_owned());
    bridge.status.update(|now| now.journal_trouble = trouble);
    // The poll that was under way ends.
    bridge.nothing_for(LONG_POLL).await;
    bridge.queue.put("m", arrival("c1"));
    bridge.nothing_for(PATIENCE).await;
    assert_eq!(bridge.queue.deliveries("m"), Some(0));
    bridge.status.update(|now| now.journal_trouble = None);
    assert_eq!(bridge.told().await.0, "c1");
}

#[tokio::test(start_paused = true)]
async fn no_more_is_held_than_can_be_looked_into() {
    let mut bridge = Running::start();
    for number in 0..3 * MOST_HELD {
        bridge
            .queue
            .put(&format!("m{number}"), arrival(&format!("c{number}")));
    }
    let mut receipts = Vec::new();
    for _ in 0..MOST_HELD {
        receipts.push(bridge.told().await.1);
    }
    bridge.nothing_for(PATIENCE).await;
    assert_eq!(bridge.status.snapshot().event_queue.held, MOST_HELD);
    for noted in 0..3 * MOST_HELD {
        let receipt = match receipts.pop() {
            Some(receipt) => receipt,
            None => bridge.told().await.1,
        };
        receipt.send(()).unwrap();
        assert!(noted < 3 * MOST_HELD);
    }
    bridge.until(|now| now.event_queue.deleted == 300).await;
    assert!(bridge.queue.stored().is_empty());
    assert_eq!(
        bridge.status.snapshot().event_queue.received,
        300,
        "each once"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_without_an_answer_is_made_good() {
    let mut bridge = Running::start();
    bridge.queue.put("m", arrival("c1"));
    let (_, receipt) = bridge.told().await;
    bridge.queue.fail(Some(FailureKind::Transient));
    receipt.send(()).unwrap();
    // Long enough for the queue to deliver it again, were it not in the way.
    bridge.nothing_for(HIDES * 10).await;
    assert!(!bridge.status.snapshot().event_queue.read);
    bridge.queue.fail(None);
    bridge.until(|now| now.event_queue.deleted == 1).await;
    bridge.nothing_for(PATIENCE).await;
    assert!(bridge.status.snapshot().event_queue.read);
}

#[tokio::test(start_paused = true)]
async fn a_second_delivery_of_what_is_held_tells_nothing_twice() {
    let mut bridge = Running::start();
    bridge.queue.put("m", arrival("c1"));
    let (_, receipt) = bridge.told().await;
    // At least once: the queue may show what it hides.
    bridge.queue.stored()[0].hidden_until = Instant::now();
    bridge.queue.changed.notify_waiters();
    bridge.until(|now| now.event_queue.received == 2).await;
    bridge.nothing_for(HIDES).await;
    receipt.send(()).unwrap();
    bridge.until(|now| now.event_queue.deleted == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_wait_is_not_hammered() {
    let mut bridge = Running::start();
    *bridge.queue.hasty.lock().unwrap() = Some(0);
    bridge.nothing_for(LONG_POLL * 3).await;
    let asked = bridge.queue.hasty.lock().unwrap().unwrap();
    assert!((1..=60).contains(&asked), "{asked} times");
}

#[tokio::test(start_paused = true)]
async fn every_wait_ends_with_the_daemon() {
    let waits: [fn(&Running); 3] = [
        |_long_poll| {},
        |running| running.queue.fail(Some(FailureKind::Denied)),
        |running| {
            let trouble = Some("disk full".to_owned());
            running.status.update(|now| now.journal_trouble = trouble);
        },
    ];
    for wait in waits {
        let mut running = Running::start();
        wait(&running);
        running.queue.put("m", arrival("c1"));
        advance(Duration::from_secs(1)).await;
        let asked = Instant::now();
        running.stop.cancel();
        running.tasks.join_next().await.unwrap().unwrap();
        assert_eq!(asked.elapsed(), Duration::ZERO);
    }
}
