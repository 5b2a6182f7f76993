//! Three replicas, of which one is killed or stopped every half second; and beside them, at a platform of its own with the
//! same troubles, a worker that reads and adds.

use std::{collections::HashMap, time::Duration};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{Instant, sleep};

use crate::{
    PATIENCE, SEED, alone,
    centre::{Centre, Trouble},
    daemon::{Daemon, JOURNAL_TOOK_LONG},
    database::Database,
    naive::Naive,
    number,
    rhythm::{CREW, Crew, Rhythm},
    verdict::{Missing, Verdict},
};

/// How long they are struck where `CHAOS_SECONDS` does not say.
const SECONDS: u64 = 20;
/// Time from one raise to the next: stops may be longer than two of them.
const WAIT: Duration = Duration::from_secs(3);
/// Callbacks that wait at any time.
const WAITING: usize = 120;
/// What all replicas together may send in a minute. To raise all in time takes 2,400 requests, and as many looks after starts
/// and trouble: so they come near it.
const REQUESTS_A_MINUTE: usize = 2_900;
/// Requests at once on top of it.
const BURST: usize = 30;
/// How often those who are missing are looked for.
const LOOK: Duration = Duration::from_millis(20);

/// What each of the crew's processes is told.
fn daemon(centre: &Centre, database: &Database, name: &str) -> Daemon {
    let platform = centre.sandbox.url();
    Daemon::new("chaos", name)
        .variable("GENESYSCLOUD_OAUTHCLIENT_SECRET", "sandbox")
        .setting("GENESYS__API_URL", &platform)
        .setting("GENESYS__LOGIN_URL", &platform)
        .setting("GENESYS__CLIENT_ID", "sandbox")
        .setting(
            "GENESYS__REQUESTS_PER_MINUTE",
            &REQUESTS_A_MINUTE.to_string(),
        )
        .setting("CALLBACKS__SWEEP", "5s")
        .setting("POLICY__WAIT", &format!("{}ms", centre.wait.as_millis()))
        .setting("STATUS__LISTEN", "127.0.0.1:0")
        .setting("JOURNAL__URL", &database.url)
        .setting("JOURNAL__REPLICA", name)
}

/// All that takes part.
struct Field {
    /// The platform of the daemons, and that of the naive worker.
    centres: [Centre; 2],
    /// Where the daemons keep their journal.
    database: Database,
    /// They.
    daemons: Vec<Daemon>,
    /// The naive worker.
    naive: Naive,
    /// Decides what happens, and when.
    dice: ChaCha8Rng,
}

impl Field {
    /// All at work.
    async fn open(database: Database, seed: u64) -> Self {
        let centres = [
            Centre::open(seed, WAIT).await,
            Centre::open(seed, WAIT).await,
        ];
        let mut daemons: Vec<_> = (1..=CREW)
            .map(|number| daemon(&centres[0], &database, &format!("r{number}")))
            .collect();
        for centre in &centres {
            for _ in 0..WAITING {
                let _id = centre.arrive(Duration::ZERO);
            }
        }
        for daemon in &mut daemons {
            daemon.start();
        }
        let naive = Naive::start_at(&centres[1]);
        for daemon in &daemons {
            daemon.says("\"connected\"").await;
        }
        Self {
            centres,
            database,
            daemons,
            naive,
            dice: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// Strikes for this long, while callbacks come and go; what it came to.
    async fn strike_for(&mut self, time: Duration) -> Rhythm {
        let mut rhythm = Rhythm::new(ChaCha8Rng::seed_from_u64(self.dice.random()));
        let end = Instant::now() + time;
        while Instant::now() < end {
            let trouble = Trouble::draw(&mut self.dice);
            for centre in &self.centres {
                trouble.come_to(centre);
                centre.live(&mut self.dice);
            }
            self.naive.hear(&self.centres[1]);
            rhythm
                .strike(&mut [&mut self.daemons as &mut dyn Crew, &mut self.naive])
                .await;
        }
        rhythm.end(&mut [&mut self.daemons as &mut dyn Crew, &mut self.naive]);
        for centre in &self.centres {
            centre.calm();
        }
        rhythm
    }

    /// Gives all the time to come to what is due; how many have not, at each platform. What was so when the calm began is due
    /// again by the time that it is looked at.
    async fn settle(&self) -> [usize; 2] {
        sleep(2 * WAIT).await;
        let mut missing = [0, 1].map(|which| Missing::all(&self.centres[which]));
        let begun = Instant::now();
        loop {
            let [daemons, naive] = [0, 1].map(|which| missing[which].look(&self.centres[which]));
            let time = begun.elapsed();
            if daemons == 0 && time > 4 * WAIT || time > PATIENCE {
                return [daemons, naive];
            }
            sleep(LOOK).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_and_stopped_at_any_moment_lose_no_callback_and_raise_none_too_far()
 {
    let _alone = alone().await;
    let Some(database) = Database::begin("chaos").await else {
        return;
    };
    let (seconds, seed) = (number("CHAOS_SECONDS", SECONDS), number("SEED", SEED));
    let mut field = Field::open(database, seed).await;
    let rhythm = field.strike_for(Duration::from_secs(seconds)).await;
    let [lost, naive_lost] = field.settle().await;
    for daemon in &mut field.daemons {
        daemon.stop().await;
    }
    let (daemons, database) = (&field.daemons, &field.database);
    let committed = database.committed().await;
    let found = Verdict::on(&field.centres[0], &committed, lost);
    let naive = Verdict::on(&field.centres[1], &field.naive.committed(), naive_lost);
    let by_whom = database.by_whom().await;
    tell_of_blows(seed, seconds, &rhythm);
    tell_of_journal(daemons, database, &by_whom).await;
    tell(&found, &naive);

    for daemon in daemons {
        daemon.is_sound();
    }
    assert_eq!(database.twice().await, 0, "each step was done once");
    assert_eq!(database.foreign().await, 0, "nobody else changes anything");
    let expected = Verdict {
        writes: found.writes,
        repeated: found.repeated,
        requests_a_minute: found.requests_a_minute,
        ..Verdict::default()
    };
    assert_eq!(found, expected);
    // Whoever is stopped with a permit in hand asks for another one when it goes on, because that is too old: only what had
    // been handed to the kernel leaves late. So nothing is allowed for it.
    let budget = REQUESTS_A_MINUTE + BURST;
    assert!(found.requests_a_minute <= budget, "{found:?}");
    // It was all under load: each of them raised, and everything was raised again and again.
    let least = i64::try_from(seconds).unwrap();
    assert!(by_whom.iter().all(|(_, raised)| *raised > least));
    assert_eq!(by_whom.len(), CREW, "{by_whom:?}");
    assert!(naive.beyond_due > 0, "these blows hurt nobody: {naive:?}");
}

/// Says what was dealt.
#[expect(clippy::print_stdout, reason = "this is what the long form is run for")]
fn tell_of_blows(seed: u64, seconds: u64, rhythm: &Rhythm) {
    let stops = &rhythm.stops;
    let longest = stops.iter().max().copied().unwrap_or_default();
    println!(
        "seed {seed}, {seconds} s: {} kills, {} stops, {} of them longer than one wait, the longest {longest:.1?}",
        rhythm.kills,
        stops.len(),
        stops.iter().filter(|time| **time > WAIT).count(),
    );
}

/// Says what the journal and the daemons themselves say.
#[expect(clippy::print_stdout, reason = "this is what the long form is run for")]
async fn tell_of_journal(daemons: &[Daemon], database: &Database, by_whom: &[(String, i64)]) {
    let outcomes: HashMap<_, _> = database.outcomes().await.into_iter().collect();
    let said = |words| -> usize { daemons.iter().map(|daemon| daemon.said(words)).sum() };
    println!("raised, by whom: {by_whom:?}");
    println!("claims, by what became of them: {outcomes:?}");
    println!(
        "taken for others' changes {}, claims lost {}, repairs {}, starts {}, journal too slow for one that had been stopped {}",
        said("changed by someone else"),
        said("claim lost"),
        said("an overtaken write"),
        said("\"starting\""),
        said(JOURNAL_TOOK_LONG),
    );
}

/// Says what was found, of the daemons and of the naive worker.
#[expect(clippy::print_stdout, reason = "this is what the long form is run for")]
fn tell(found: &Verdict, naive: &Verdict) {
    let row = |what: &str, of: fn(&Verdict) -> usize| {
        println!("{what:<34}{:>10}{:>14}", of(found), of(naive));
    };
    println!("{:<34}{:>10}{:>14}", "", "replicas", "read-then-add");
    row("writes", |all| all.writes);
    row("writes of the same value", |all| all.repeated);
    row("writes of a lower value", |all| all.lowered);
    row("  not made good", |all| all.left_low);
    row("raised beyond due", |all| all.beyond_due);
    row("lost", |all| all.lost);
    row("final below committed", |all| all.below_committed);
    row("requests a minute at most", |all| all.requests_a_minute);
}
