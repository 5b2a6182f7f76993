//! What scanners send: thirty bad requests, none of which may bring anything out or anything down.

use super::{Centre, address, get, send, status};

/// A bad request, and the statuses that are good answers to it; 0 is a connection that was closed.
type Bad = (&'static str, Vec<u8>, &'static [u16]);

/// A GET with these headers beside the host.
fn with(headers: &str) -> Vec<u8> {
    format!("GET /status.json HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n")
        .into_bytes()
}

/// A request with this first line.
fn line(first: &str) -> Vec<u8> {
    format!("{first}\r\nhost: localhost\r\nconnection: close\r\n\r\n").into_bytes()
}

/// A GET for this host.
fn host(host: &str) -> Vec<u8> {
    format!("GET /status.json HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").into_bytes()
}

/// All of them.
fn bad_requests() -> Vec<Bad> {
    let long_path = format!("GET /{} HTTP/1.1", "a".repeat(100_000));
    let long_header = format!("x-long: {}\r\n", "a".repeat(100_000));
    let many: Vec<String> = (0..200)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    vec![
        ("POST", line("POST /status.json HTTP/1.1"), &[405]),
        ("PUT", line("PUT / HTTP/1.1"), &[405]),
        ("DELETE", line("DELETE /status.json HTTP/1.1"), &[405]),
        ("PATCH", line("PATCH / HTTP/1.1"), &[405]),
        ("OPTIONS, as a browser asks before it sends to another origin", b"OPTIONS / HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\naccess-control-request-method: GET\r\nconnection: close\r\n\r\n".to_vec(), &[405]),
        ("a page of another origin", with("origin: http://evil.example\r\n"), &[200]),
        ("TRACE", line("TRACE / HTTP/1.1"), &[405]),
        ("CONNECT", line("CONNECT evil.example:443 HTTP/1.1"), &[405, 400]),
        ("a made-up method", line("BREW / HTTP/1.1"), &[405]),
        ("another name", host("evil.example"), &[421]),
        ("another name that looks like ours", host("localhost.evil.example"), &[421]),
        ("a name with a user", host("user@localhost"), &[421, 400]),
        ("an empty name", host(""), &[421, 400]),
        ("no name", b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec(), &[400]),
        ("no name, as in 1.0", b"GET / HTTP/1.0\r\n\r\n".to_vec(), &[400]),
        ("two names", with("host: evil.example\r\n"), &[400]),
        ("a proxy's request", line("GET http://evil.example/ HTTP/1.1"), &[421]),
        ("a path upwards", line("GET /../../etc/passwd HTTP/1.1"), &[404, 400]),
        ("a coded path upwards", line("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), &[404]),
        ("a null in the path", line("GET /status.json%00.html HTTP/1.1"), &[404]),
        ("what others leave lying about", line("GET /.git/config HTTP/1.1"), &[404]),
        ("an application of somebody else", line("GET /wp-login.php HTTP/1.1"), &[404]),
        ("a script in the query", line("GET /nothing?q=<script>alert(1)</script> HTTP/1.1"), &[404, 400]),
        ("content with a GET", b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello".to_vec(), &[400]),
        ("two lengths, one hidden", b"GET / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n0\r\n\r\n".to_vec(), &[400]),
        ("a length that is none", with("content-length: -1\r\n"), &[400]),
        ("a very long path", line(&long_path), &[431, 414, 0]),
        ("a very long header", with(&long_header), &[431, 400, 0]),
        ("very many headers", with(&many.concat()), &[431, 400, 0]),
        ("a line end in a header", b"GET / HTTP/1.1\r\nhost: localhost\r\nx: a\nb\r\n\r\n".to_vec(), &[400, 0]),
        ("TLS to a port without it", vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03], &[400, 0]),
        ("HTTP/2 without asking", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[400, 505, 0]),
        ("noise", (0..=255).collect(), &[400, 0]),
    ]
}

#[tokio::test(start_paused = true)]
async fn bad_requests_bring_nothing_out_and_nothing_down() {
    let centre = Centre::open().await;
    let daemon = centre.start_ready().await;
    let _waits = centre.callback();
    daemon.tracks(1).await;
    let page = address(&daemon).await;
    let all = bad_requests();
    assert!(all.len() >= 30, "{}", all.len());
    for (what, bytes, expected) in all {
        let answer = send(page, &bytes).await;
        let code = status(&answer);
        assert!(expected.contains(&code), "{what}: {code}\n{answer}");
        let lower = answer.to_lowercase();
        assert!(!lower.contains("access-control-allow"), "{what}: {answer}");
        assert!(!lower.contains("<script>"), "{what}: {answer}");
        assert!(
            code == 200 || !answer.contains("tracked"),
            "{what}: {answer}"
        );
        // Whoever is refused by the page itself is told what browsers must not do with it.
        let by_us = code == 200 || code == 404 || code == 405 || code == 421;
        assert!(
            !by_us || lower.contains("content-security-policy: default-src 'none'"),
            "{what}: {answer}"
        );
    }
    assert_eq!(status(&get(page, "/readyz").await), 200);
    let id = centre.callback();
    daemon.until(|now| now.raises >= 2).await;
    assert!(!centre.writes(&id).is_empty());
    daemon.stop().await;
}
