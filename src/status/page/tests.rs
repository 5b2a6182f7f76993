use super::*;

#[test]
fn times_are_told_in_their_two_largest_units() {
    for (seconds, expected) in [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 00s"),
        (3_599, "59m 59s"),
        (3_600, "1h 00m"),
        (47 * 3_600 + 59 * 60, "47h 59m"),
        (48 * 3_600, "2d 00h"),
    ] {
        assert_eq!(short(Duration::from_secs(seconds)), expected);
    }
}
