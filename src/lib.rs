//! Keeps the place in line of callbacks waiting in Genesys Cloud queues.
//!
//! In a priority-routed queue calls get more urgent while they wait, because their in-queue flow raises their priority.
//! Callbacks have no such flow, so newer calls overtake them. This daemon hears of callbacks that enter a queue and
//! raises their routing priority, on a schedule the administrator sets, until an agent answers or they end.
//!
//! # The picture
//!
//! ```text
//!           Genesys Cloud (or the sandbox)
//!   WebSocket │        REST ▲ │
//!             ▼             │ ▼
//!   source: notifications   sweep   queue    what happened, as hints: Resync · Changed · Gone
//!             └──────┬───────┘
//!                    ▼
//!                  fleet                     one tracker a conversation: start, wake, reap, drain
//!                    ▼
//!                 tracker ──► policy         decide (pure) on what is known, wait, look or write
//!                    │ ▲
//!          journal ◄─┘ └─── genesys          claim before the PATCH, commit after
//! ```
//!
//! # The modules, in the order data flows
//!
//! | module | what it is |
//! | --- | --- |
//! | [`cli`] | what may be typed; one file for each command; the exit codes |
//! | [`settings`] | typed, layered, strict; the regions; what is unwise, in sentences |
//! | [`logging`], [`clock`], [`shutdown`] | one form of log line, one source of wall time, two signals |
//! | `backoff`, `trouble` | when to try again, and when to say that it was in vain |
//! | [`genesys`] | the platform as we need it: one request path, failures classified, sockets |
//! | [`conversation`] | ids, priorities, visits, what was observed |
//! | [`orders`] | what operators have ordered: rules, dry run, pauses; one value that all obey |
//! | `source` | where callbacks come from: notifications, the SQS queue that EventBridge fills, the sweep that repairs both, and whether all can be relied on |
//! | [`policy`] | whose policy is whose, when to raise, by how much, when to stop; pure |
//! | `tracker` | one conversation, one task |
//! | `fleet` | owns all trackers |
//! | [`journal`] | bases and claims: what must not be forgotten |
//! | `control` | what an operator tells a running daemon: pause, resume |
//! | [`daemon`] | composition: start order, stop order |
//! | [`organizations`] | several of them in one process: a daemon for each, and what they have in common |
//! | [`status`] | one observable snapshot, and what shows it: health, metrics, a page that keeps itself up to date |
//! | [`supervisor`] | who started this process and wants to hear how it is: systemd |
//! | [`sandbox`] | the platform in process, for the demo, the tests and anyone who wants to try |
//! | [`explain`] | what the rules make of one callback, and why |
//! | [`forecast`] | what policies would do to a queue: a model on the code of `policy`, held against queueing theory, as a table and as a page |
//! | [`demo`] | a rush hour, told as it happens and measured |
//!
//! # What always holds
//!
//! 1. **Notifications are hints, the state is the truth.** An event says "look at this conversation". Every start,
//!    reconnect and channel change is followed by a full sweep, and a sweep runs every minute.
//! 2. **Raise *to*, never *by*.** The target is a function of the time waited, and the write is absolute: a repeated,
//!    late or doubled step does no harm, one write catches up on an outage, nothing is ever lowered.
//! 3. **Nothing is written without a claim,** and nothing to a callback that is known to be answered: news cut the wait
//!    for a permit short, and the last decision is made after it.
//! 4. **What agrees is believed, what differs is looked at.** While everything is in sight a raise is decided on what is
//!    known and costs one request; otherwise a look comes first.
//! 5. **Every wait can be interrupted** except a write in flight, every task has an owner, and one clock drives all of
//!    them, so the whole daemon runs at virtual speed in tests.
//! 6. **Lenient on the wire, strict on settings.** Unknown fields and values are passed over; unknown settings refused.
//! 7. **Nothing secret or personal is printed:** not the secret, tokens, channel ids, names, numbers, or payloads.
//!
//! # Glossary
//!
//! - **organization**: one customer of the platform's, with a client, rules and callbacks of its own. Where the settings name
//!   several, each has a daemon of its own.
//! - **conversation**: everything between one customer and the contact centre on one occasion.
//! - **participant**, **leg**: one party in it; the **ACD leg** is the queue's own.
//! - **queue**, **priority**: where it waits, and with how many points; a point is worth a minute of queue time.
//! - **visit**: one ACD leg, one stay in a queue. A transfer ends one and starts another; a missed alert does not.
//! - **rule**, **policy**, **ladder**: for whom, what becomes of them, and how points grow with time, **rung** by rung. **origin**:
//!   when the caller first entered a queue. **credit**: points for the time from then to the callback's own entry.
//! - **base**: the priority that points are added to. **step**: one raise of the schedule. **target**: the priority a
//!   callback should have now.
//! - **look**: reading a conversation. **raise**: writing its priority. **sweep**: asking for all that wait.
//! - **channel**, **topic**, **socket**: how notifications come. **line**: a channel with its topics and its socket.
//! - **tracker**, **fleet**: the task of one conversation, and all of them.
//! - **claim**, **commit**: what the journal notes before and after a write. **foreign**: done by somebody else.
//! - **view**: what is known of a callback without asking. **sight**: whether that can be believed. **echo**: the event that
//!   tells of our own write.
//! - **event queue**: the SQS queue that EventBridge fills. **receipt**: what lets a message of it be deleted: its callback is noted.
//! - **permit**: the right to send one request. **turn**: what it is for, and so who goes first. **hold**: the time in which the platform lets nobody.
//! - **order**: what an operator wants of the daemon that runs. **pause**: the order to raise nothing, in a queue or in all of
//!   them, until it is over. **edition**: the number of the rules in force; a reload makes another.
//! - **trouble**: what goes wrong again and again, and is told once.

pub mod cli;

pub mod settings;

pub mod logging;

pub mod clock;

pub mod shutdown;

mod backoff;

mod trouble;

pub mod genesys;

pub mod conversation;

pub mod orders;

mod source;

pub mod pattern;

pub mod policy;

mod tracker;

mod fleet;

pub mod journal;

mod control;

pub mod daemon;

pub mod organizations;

pub mod status;

pub mod supervisor;

pub mod sandbox;

pub mod demo;

pub mod explain;

pub mod forecast;
