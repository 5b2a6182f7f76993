//! Keeps the place in line of callbacks waiting in Genesys Cloud queues.

pub mod cli;

mod backoff;

pub mod clock;

pub mod conversation;

pub mod daemon;

mod fleet;

pub mod demo;

pub mod genesys;

pub mod journal;

pub mod logging;

pub mod policy;

pub mod settings;

pub mod shutdown;

mod source;

pub mod status;

pub mod sandbox;
mod tracker;
