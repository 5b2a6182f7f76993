//! What the fuzz targets hold against noise: the expectations of `tests/untrusted`.

#[path = "../../tests/untrusted/expectations.rs"]
pub mod expectations;
