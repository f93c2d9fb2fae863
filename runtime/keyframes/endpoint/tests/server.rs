//! The gate asked over HTTP: of a server that answers well, badly, late, in pieces, too much, or not at all.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_keyframes::query::{Query, Things};
use drafthorse_keyframes_endpoint::{AskError, Endpoint, EndpointError, Key};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

const IN_TIME: Duration = Duration::from_secs(20);

/// A request as it came: its head in lower case, and its body.
struct Asked {
    head: String,
    body: serde_json::Value,
}

/// Answers one request with `answer`; gives the server's base address, and what was asked.
fn serve(
    answer: impl FnOnce(&mut TcpStream) + Send + 'static,
) -> (String, JoinHandle<Option<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = spawn(move || {
        let (mut stream, _) = listener.accept().ok()?;
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        answer(&mut stream);
        let body = serde_json::from_slice(&body).ok()?;
        Some(Asked { head, body })
    });
    (base, server)
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn completion(content: &str) -> String {
    serde_json::json!({"id": "1", "choices": [{"message": {"role": "assistant", "content": content}}]}).to_string()
}

const GOOD: &str = "{\"grounding\": {\"weight\": 0.7, \"words\": \"cyclist\"}, \
    \"global\": {\"weight\": 0.3, \"words\": \"night\"}, \"context\": {\"weight\": 0, \"words\": \"\"}}";

fn ask(base: &str, key: Option<Key>, within: Duration) -> Result<[f32; 3], AskError> {
    let endpoint = Endpoint::new(base, "small", key, within).unwrap();
    let query = Query::parse("somebody on a bike in the dark").unwrap();
    endpoint
        .ask(&query, &Things::default())
        .map(|gating| gating.weights)
}

#[test]
fn a_good_answer_is_taken_and_nothing_but_the_query_is_sent() {
    let (base, server) = serve(|stream| {
        // In two pieces, as a server may.
        let whole = response("200 OK", &completion(GOOD));
        let (first, rest) = whole.split_at(whole.len() / 2);
        stream.write_all(first).unwrap();
        stream.flush().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        stream.write_all(rest).unwrap();
    });
    let folder = std::env::temp_dir().join(format!("drafthorse-key-{}", std::process::id()));
    std::fs::write(&folder, "sk-of-a-test\n").unwrap();
    let key = Key::from_file(&folder).unwrap();
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(ask(&base, Some(key), IN_TIME).unwrap(), [0.7, 0.3, 0.0]);
    let Asked { head, body } = server.join().unwrap().unwrap();
    assert!(
        head.starts_with("post /v1/chat/completions http/1.1"),
        "{head}"
    );
    assert!(
        head.contains("authorization: bearer sk-of-a-test"),
        "{head}"
    );
    assert_eq!(body["model"], "small");
    assert_eq!(
        body["messages"][1]["content"],
        "somebody on a bike in the dark"
    );
    assert_eq!(body["messages"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_answer_is_told() {
    let tell = |answer: Vec<u8>| {
        let (base, server) = serve(move |stream| {
            // Whoever reads no further closes the connection.
            let _ = stream.write_all(&answer);
        });
        let error = ask(&base, None, IN_TIME).unwrap_err().to_string();
        assert!(
            server
                .join()
                .unwrap()
                .is_some_and(|asked| !asked.head.contains("authorization"))
        );
        error
    };
    let refused = tell(response("401 Unauthorized", "{\"error\": {}}"));
    assert!(
        refused.contains("401") && refused.contains("key"),
        "{refused}"
    );
    let moved = tell(
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
            .to_vec(),
    );
    assert!(moved.contains("302"), "{moved}");
    let page = tell(response("200 OK", "<html>welcome</html>"));
    assert!(page.contains("no chat completion"), "{page}");
    let chat = tell(response(
        "200 OK",
        &completion("Sure! Here it is: cyclist."),
    ));
    assert!(chat.contains("not the JSON"), "{chat}");
    let flood = tell(response("200 OK", &completion(&"x".repeat(1 << 20))));
    assert!(flood.contains("larger than"), "{flood}");
    let garbage = tell(vec![0xff; 64]);
    assert!(garbage.contains("cannot be reached"), "{garbage}");
    let cut = response("200 OK", &completion(GOOD));
    let cut = tell(cut[..cut.len() - 9].to_vec());
    assert!(cut.contains("cannot be reached"), "{cut}");
}

#[test]
fn a_slow_server_is_not_waited_for() {
    let (base, server) = serve(|stream| {
        // A byte now and then keeps the connection, and the time is up all the same.
        for byte in response("200 OK", &completion(GOOD)) {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    let begun = Instant::now();
    let error = ask(&base, None, Duration::from_millis(300)).unwrap_err();
    assert!(matches!(error, AskError::Late { .. }), "{error}");
    assert!(begun.elapsed() < IN_TIME);
    server.join().unwrap();
    // Nobody listens there any more.
    let gone = ask(&base, None, IN_TIME).unwrap_err();
    assert!(matches!(gone, AskError::Unreachable { .. }), "{gone}");
}

#[test]
fn what_cannot_be_asked_is_refused_before() {
    let path = std::env::temp_dir().join(format!("drafthorse-key-{}-open", std::process::id()));
    std::fs::write(&path, "sk-of-a-test").unwrap();
    let key = Key::from_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let open = Endpoint::new("http://gate.example", "small", Some(key), IN_TIME);
    assert!(matches!(open, Err(EndpointError::OpenKey { .. })));
    let none = Endpoint::new("gate", "small", None, IN_TIME).map(|_| ());
    assert!(matches!(none, Err(EndpointError::Address { .. })));
    assert!(Key::from_file(&path).is_err());
    assert!(Key::from_variable("DRAFTHORSE_NO_SUCH_KEY").is_err());
}
