//! Does `forecast` say what the settings would do to a queue?

use std::fs;

use serde_json::Value;

use crate::program::{Ended, Program, folder};

/// Runs it with these arguments; what it prints.
async fn forecast(name: &str, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = [&["forecast"], arguments].concat();
    let Ended { code, out, err } = Program::new(name, &arguments).finish().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
    out
}

/// The row of a policy in JSON.
fn row<'a>(comparison: &'a Value, way: &str) -> &'a Value {
    let rows = comparison["rows"].as_array().unwrap();
    rows.iter().find(|row| row["way"] == way).unwrap()
}

#[tokio::test]
async fn four_policies_are_compared_on_the_same_callers() {
    let told = forecast("forecast-table", &["--days", "40"]).await;
    for words in [
        "40 days, seed 7. 25 % of callers take a callback if they still wait after 30s to 2m.",
        "without anything",
        "the blueprint's loop",
        "your settings",
        "the place kept exactly",
        "answered",
        "With your settings",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let wide = told
        .lines()
        .filter(|line| line.contains("  "))
        .map(str::len);
    assert!(wide.max() <= Some(125), "{told}");

    let json = forecast("forecast-json", &["--days", "40", "--json"]).await;
    let comparison: Value = serde_json::from_str(&json).unwrap();
    let served = |way| row(&comparison, way)["all"]["served"].as_u64().unwrap();
    assert_eq!(served("nothing"), served("exactly"));
    let overtaken = |way| row(&comparison, way)["overtaken"]["mean"].as_f64().unwrap();
    assert!(overtaken("nothing") > 0.5 && overtaken("blueprint") > 0.5);
    assert!(overtaken("exactly") < f64::EPSILON);
    let requests = |way| row(&comparison, way)["requests"]["mean"].as_f64().unwrap();
    assert!(requests("nothing") < f64::EPSILON && requests("yours") > 1.0);
}

#[tokio::test]
async fn the_rules_of_the_queue_are_the_ones_that_count() {
    let settings = folder("forecast-rules-settings").join("settings.toml");
    let text = "[policy]\nwait = \"1m\"\n[[rules]]\nname = \"sales\"\nqueue = \"Sales\"\nskip = true\n\
        [[rules]]\nname = \"exact\"\nqueue = \"Exact\"\nmirror = { every = \"2m\", add = 2 }\ncredit = \"waited\"\n";
    fs::write(&settings, text).unwrap();
    let settings = settings.display().to_string();
    let days = ["--days", "40", "--config", &settings, "--queue"];
    let told = forecast("forecast-sales", &[&days[..], &["Sales"]].concat()).await;
    assert!(
        told.contains("Your settings, by sales: callbacks are left alone."),
        "{told}"
    );
    let told = forecast("forecast-others", &[&days[..], &["Support"]].concat()).await;
    assert!(
        told.contains("Your settings, by policy: every 1m"),
        "{told}"
    );
    let told = forecast(
        "forecast-exact",
        &[&days[..], &["Exact", "--json"]].concat(),
    )
    .await;
    let comparison: Value = serde_json::from_str(&told).unwrap();
    let (yours, exactly) = (row(&comparison, "yours"), row(&comparison, "exactly"));
    assert_eq!(
        yours["callbacks"], exactly["callbacks"],
        "the mirrored ladder is that of the calls"
    );
}

#[tokio::test]
async fn real_conversations_are_replayed() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/conversations.csv");
    let replay = [
        "--conversations",
        example,
        "--queue",
        "Support",
        "--agents",
        "9",
    ];
    let told = forecast("forecast-replay", &replay).await;
    assert!(
        told.contains("conversations of the queue Support are replayed; left out: "),
        "{told}"
    );
    for (name, text, said) in [
        (
            "columns",
            "arrival,queue\n",
            "the column `handling_s` is missing",
        ),
        (
            "time",
            "arrival,handling_s,media,queue\nnow,1,voice,A\n",
            "line 2: ",
        ),
    ] {
        let file = folder(&format!("forecast-{name}")).join("conversations.csv");
        fs::write(&file, text).unwrap();
        let file = file.display().to_string();
        let arguments = ["forecast", "--agents", "5", "--conversations", &file];
        let ended = Program::new(&format!("forecast-refused-{name}"), &arguments)
            .finish()
            .await;
        assert_eq!(ended.code, Some(64), "{}", ended.err);
        assert!(
            ended.err.contains(said) && ended.err.contains("conversations.csv"),
            "{}",
            ended.err
        );
    }
}

#[tokio::test]
async fn what_cannot_be_known_is_asked_for() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config/conversations.csv");
    let arguments = ["forecast", "--conversations", example, "--queue", "Support"];
    let ended = Program::new("forecast-agents", &arguments).finish().await;
    assert_eq!(ended.code, Some(64));
    assert!(
        ended
            .err
            .contains("--agents: say how many agents were there"),
        "{}",
        ended.err
    );
    let nobody = forecast("forecast-nobody", &["--days", "40", "--callbacks", "0"]).await;
    assert!(nobody.contains("Nobody takes a callback"), "{nobody}");
    let none = ["--days", "40", "--ladder", "none", "--tz", "Europe/Berlin"];
    let none = forecast("forecast-none", &none).await;
    assert!(
        none.contains("calls gain nothing (as --ladder says)"),
        "{none}"
    );
    assert!(none.contains("times of day are in Europe/Berlin"), "{none}");
}

/// Pictures in the README: `REWRITE_PICTURES=1 cargo test --test cli forecast` writes them anew.
fn keep(name: &str, picture: &str) {
    let path = format!("{}/docs/forecast-{name}.svg", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("REWRITE_PICTURES").is_some() {
        fs::write(&path, picture).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap();
    let words = |text: &str| -> Vec<String> {
        let words = text
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_alphabetic()));
        words.map(str::to_owned).collect()
    };
    assert_eq!(
        words(picture),
        words(&kept),
        "{name}: REWRITE_PICTURES=1 writes it anew"
    );
}

#[tokio::test]
async fn the_report_is_one_page_that_fetches_nothing() {
    let page = folder("forecast-report-page").join("report.html");
    let page = page.display().to_string();
    forecast("forecast-report", &["--days", "40", "--report", &page]).await;
    let text = fs::read_to_string(&page).unwrap();
    assert_eq!(text.matches("<svg ").count(), 4);
    assert_eq!(text.matches("<table").count(), 2);
    assert!(text.contains("prefers-color-scheme: dark") && text.contains("@media print"));
    for fetching in ["src=", "href=", "url(", "<script", "@import"] {
        assert!(!text.contains(fetching), "{fetching}");
    }
    for (name, picture) in ["waits", "places", "overtakes", "grid"]
        .iter()
        .zip(text.split("<svg ").skip(1))
    {
        let (picture, _) = picture.split_once("</svg>").unwrap();
        let curves = picture.matches("<polyline").count();
        assert!(*name == "grid" || curves >= 4, "{name}: {curves}");
        if ["waits", "places"].contains(name) {
            keep(name, &format!("<svg {picture}</svg>\n"));
        }
    }
    let without_names = text.replace("http://www.w3.org/2000/svg", "");
    assert!(!without_names.contains("http"), "no address of anything");
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_in_a_sentence() {
    for (name, arguments, said) in [
        (
            "arrivals",
            &["--arrivals", "many"][..],
            "`many` is no number",
        ),
        (
            "agents",
            &["--agents", "0"],
            "nobody would ever be answered",
        ),
        ("days", &["--days", "3"], "40..=1000000"),
        ("share", &["--callbacks", "25"], "expected 0% to 100%"),
        (
            "ladder",
            &["--ladder", "{ every = \"soon\", add = 1 }"],
            "--ladder",
        ),
        (
            "both",
            &["--conversations", "x.csv", "--days", "50"],
            "cannot be used with",
        ),
        (
            "overload",
            &["--agents", "1", "--arrivals", "9000"],
            "hours of agents a day, who have 24",
        ),
        ("zone", &["--tz", "Mars"], "`Mars` is no time zone"),
        ("absent", &["--conversations", "absent.csv"], "absent.csv"),
        (
            "report",
            &["--days", "40", "--report", "/nowhere/x.html"],
            "/nowhere/x.html cannot be written",
        ),
    ] {
        let arguments: Vec<&str> = [&["forecast"], arguments].concat();
        let name = format!("forecast-wrong-{name}");
        let Ended { code, err, .. } = Program::new(&name, &arguments).finish().await;
        assert_eq!(code, Some(64), "{arguments:?} {err}");
        assert!(err.contains(said), "{err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}
