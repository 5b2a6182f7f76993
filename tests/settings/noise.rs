//! Noise: whatever stands in a file or a variable, loading answers, and in one line.

use callback_prioritizer::settings;
use proptest::prelude::*;

use super::{load, signed_in};

/// Loads this text as a file; a refusal must be one line.
fn survives(name: &str, text: &[u8]) {
    if let Err(refusal) = load(name, text) {
        let shown = refusal.to_string();
        assert!(!shown.contains('\n'), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives("bytes", &bytes);
    }

    #[test]
    fn any_text(text in "(\\PC|[\\n\\r\\t\"'=\\[\\].#])*") {
        survives("text", text.as_bytes());
    }

    #[test]
    fn the_manual_with_a_slip(at in 0..settings::DEFAULTS.len(), length in 0..40_usize, slip in "\\PC{0,4}") {
        let bytes = settings::DEFAULTS.as_bytes();
        let end = (at + length).min(bytes.len());
        survives("slip", &[&bytes[..at], slip.as_bytes(), &bytes[end..]].concat());
    }

    #[test]
    fn any_value_of_any_setting(
        section in "genesys|callbacks|policy|journal|status|log|\\PC{1,3}",
        key in "region|client_id|api_url|requests_per_minute|queues|sweep|wait|increment|max_raises|path|listen|level|\\PC{1,3}",
        value in "[0-9]{1,20}|-?[0-9]{1,3}\\.[0-9]|true|\"\\PC{0,8}\"|'[^']{0,8}'|\\[1\\]|\\{a=1\\}|1979-05-27",
    ) {
        survives("value", format!("[{section}]\n{key} = {value}\n").as_bytes());
    }

    #[test]
    fn any_variable(key in "[A-Z_]{0,30}|POLICY__WAIT|GENESYS__REGION|GENESYS__API_URL|LOG__LEVEL|CALLBACKS__QUEUES", value in "\\PC*") {
        let name = format!("CALLBACK_PRIORITIZER__{key}");
        if let Err(refusal) = settings::load(None, &signed_in(&[(&name, &value)])) {
            prop_assert!(!refusal.to_string().contains('\n'));
        }
    }
}
