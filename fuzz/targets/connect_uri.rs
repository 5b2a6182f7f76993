//! Addresses that channels are offered at.

#![no_main]

use callback_prioritizer_fuzz::expectations;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| expectations::connect_uri(bytes));
