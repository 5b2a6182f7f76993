//! Settings files.

#![no_main]

use std::{env::temp_dir, path::PathBuf, process::id, sync::LazyLock};

use callback_prioritizer_fuzz::expectations;
use libfuzzer_sys::fuzz_target;

/// Where the file is; each process has its own.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| temp_dir().join(format!("fuzz-{}.toml", id())));

fuzz_target!(|bytes: &[u8]| expectations::settings_file(bytes, &PATH));
