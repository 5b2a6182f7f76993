//! The name of the platform means nothing for a while.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use callback_prioritizer::sandbox::{Effect, RequestFault};
use tokio::time::sleep;

use crate::{SEED, centre::Centre, journal, number, process::Installation};

/// Time from one raise to the next.
const WAIT: Duration = Duration::from_millis(1_500);
/// How long the name means nothing: several waits, and long enough for delays to grow.
const GONE: Duration = Duration::from_secs(8);
/// Runs a program whose names come from two files and from nowhere else. The files are those of this process alone, so
/// that nothing on the machine changes.
const ALONE: &str = r#"
    mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/nsswitch.conf || exit 71
    shift 2
    exec "$@"
"#;

/// What names mean to a daemon.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// The table of names.
    hosts: PathBuf,
    /// Says that there is no other source.
    sources: PathBuf,
}

impl Names {
    /// Names kept beside this folder; nothing where this machine lets nobody have names of their own.
    fn beside(folder: &Path) -> Option<Self> {
        let names = Self {
            hosts: folder.with_extension("hosts"),
            sources: folder.with_extension("nsswitch"),
        };
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        fs::write(&names.sources, "hosts: files\n").unwrap();
        names.are_known();
        let tried = names.command("true".as_ref()).status();
        tried.is_ok_and(|status| status.success()).then_some(names)
    }

    /// The name means this machine.
    fn are_known(&self) {
        fs::write(&self.hosts, "127.0.0.1 localhost\n").unwrap();
    }

    /// No name means anything.
    fn are_gone(&self) {
        fs::write(&self.hosts, "").unwrap();
    }

    /// What runs a program under these names, as the process that it would be without them.
    pub(crate) fn command(&self, program: &OsStr) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", ALONE, "sh"])
            .args([&self.hosts, &self.sources])
            .arg(program);
        command
    }
}

#[tokio::test]
async fn a_name_that_means_nothing_for_a_while_is_caught_up_by_one_write_each() {
    let mut centre = Centre::open(number("SEED", SEED), WAIT).await;
    let url = centre.sandbox.url().replace("127.0.0.1", "localhost");
    let installation = Installation::new("names", &url, WAIT);
    let Some(names) = Names::beside(&installation.folder) else {
        skipped();
        return;
    };
    let daemon = installation.knowing(&names);
    let (installation, daemon) = (&daemon, daemon.start());
    daemon.says("\"connected\"", 1).await;
    centre.on_target().await;
    names.are_gone();
    // Connections that are open need no name, so they are cut as soon as somebody uses them.
    let faults = centre.sandbox.faults().clone();
    faults.requests(RequestFault::to("", "/", Effect::Cut));
    faults.cut_sockets();
    sleep(WAIT * 2).await;
    centre.calm();
    let arrived = centre.sandbox.requests().len();
    centre.live();
    sleep(GONE).await;
    assert_eq!(centre.sandbox.requests().len(), arrived, "none arrives");
    assert_eq!(daemon.said("\"ERROR\""), 0, "it will pass");

    let before = centre.sandbox.world().writes().len();
    names.are_known();
    centre.on_target().await;
    centre.caught_up_at_once(before, GONE);
    daemon.stop().await;
    centre.never_above_target_and_never_down();
    centre.hands_off_what_is_over(Duration::ZERO);
    journal::no_step_was_done_twice(installation);
}

/// Says that nothing was tested.
#[expect(clippy::print_stderr, reason = "who runs the tests should know")]
fn skipped() {
    eprintln!("not tested: this machine gives no process a mount namespace of its own");
}
