//! The page itself, and the news that it gets while it is open.

use std::net::SocketAddr;

use callback_prioritizer::sandbox::Callback;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{address, get, status};
use crate::harness::{Centre, minutes, pass};

/// A stream of news.
struct News {
    /// The connection.
    stream: TcpStream,
    /// What came and was not looked at.
    heard: String,
}

impl News {
    /// Asks for news.
    async fn of(page: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(page).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: {page}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let heard = String::new();
        Self { stream, heard }
    }

    /// Waits for these words, and returns what came up to them.
    async fn until(&mut self, words: &str) -> String {
        let hearing = async {
            let mut bytes = vec![0; 65_536];
            loop {
                if let Some(at) = self.heard.find(words) {
                    let rest = self.heard.split_off(at + words.len());
                    return std::mem::replace(&mut self.heard, rest);
                }
                let read = self.stream.read(&mut bytes).await.expect("a stream");
                assert!(read > 0, "ended before {words}: {}", self.heard);
                self.heard
                    .push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        };
        let heard = timeout(minutes(60), hearing).await;
        heard.unwrap_or_else(|_| panic!("never came: {words}"))
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_is_a_table_that_needs_no_script() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let support = centre.callback();
    let sales = Callback::to(&centre.queue("Sales"));
    let sales = centre.world().add_callback(sales.at_priority(7));
    daemon.until(|now| now.raises >= 2).await;
    let all = get(page, "/").await;
    for id in [&support, &sales] {
        assert!(all.contains(&format!("id=\"c-{id}\"")), "{all}");
    }
    for expected in [
        "<b>8</b>",
        "from 7",
        "will be raised to 9",
        "in 5m 00s",
        "<polyline points=",
        "1 socket up",
    ] {
        assert!(all.contains(expected), "{expected}\n{all}");
    }
    // What the policy of the page would not let through.
    for inline in ["<style", " style=", "onclick", "javascript:"] {
        assert!(!all.contains(inline), "{inline}");
    }
    let one = get(page, "/?queue=Sales").await;
    assert!(one.contains(&sales.to_string()) && !one.contains(&format!("id=\"c-{support}\"")));
    let none = get(page, "/?queue=%3Cb%3E").await;
    assert!(
        none.contains("&lt;b&gt;") && none.contains("Nobody waits."),
        "{none}"
    );
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_open_page_is_told_what_changes_and_nothing_else() {
    let centre = Centre::open().await.set("POLICY__WAIT", "1m");
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let (first, other) = (centre.callback(), centre.callback());
    daemon.tracks(2).await;
    let mut news = News::of(page, "/events").await;
    let begin = news.until("\"all\":[").await;
    assert!(begin.contains("content-type: text/event-stream"), "{begin}");
    assert!(begin.contains(&format!("c-{first}")) && begin.contains(&format!("c-{other}")));
    daemon.until(|now| now.raises == 2).await;
    let told = news.until("will be raised to 2").await;
    let quiet = told
        .matches("\"pieces\":{},\"changed\":[],\"gone\":[],\"places\":[]")
        .count();
    assert!(
        quiet > 30,
        "a minute in which nothing happened: {quiet}\n{told}"
    );
    centre.world().answer(&first).expect("it waits");
    let _told = news.until(&format!("\"gone\":[\"{first}\"]")).await;
    daemon.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pages_that_are_left_open_hold_up_neither_probes_nor_the_end() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let page = address(&daemon).await;
    let mut open = Vec::new();
    for _ in 0..24 {
        let mut news = News::of(page, "/events").await;
        let _begun = news.until("\"all\":").await;
        open.push(news);
    }
    assert_eq!(status(&get(page, "/events").await), 503, "too many pages");
    assert_eq!(status(&get(page, "/readyz").await), 200);
    // Four minutes later each has been told to come back, and so there is room again.
    pass(minutes(5)).await;
    let mut again = News::of(page, "/events").await;
    let _begun = again.until("\"all\":").await;
    let asked = Instant::now();
    daemon.stop().await;
    assert!(asked.elapsed().as_secs() < 2, "{:?}", asked.elapsed());
}
