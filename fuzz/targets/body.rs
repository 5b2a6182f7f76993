//! Bodies of answers: a conversation, a page of the activity query, a page of topics, a failure.

#![no_main]

use callback_prioritizer_fuzz::expectations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| expectations::body(bytes));
