//! Keeps the place in line of callbacks waiting in Genesys Cloud queues.

pub mod clock;

pub mod conversation;

pub mod settings;
