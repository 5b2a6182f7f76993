//! The journal in a real PostgreSQL, straight and through PgBouncer, as far as there is one: `tests/postgres.sh` starts them.

mod bench;

mod clock;

mod past;

mod speed;

mod trouble;

use proptest::prelude::*;

use super::super::{conformance::conformance, model};
use bench::{Straight, Through};

mod straight {
    use super::*;

    conformance!(Straight);

    crate::replicas::conformance::conformance!(bench::Places<Straight>);
}

mod through_pgbouncer {
    use super::*;

    conformance!(Through);

    crate::replicas::conformance::conformance!(bench::Places<Through>);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn it_answers_as_the_one_in_memory_does(ops in model::ops()) {
        model::answers_like_memory::<Straight>(&ops)?;
    }
}
