//! A service on loopback that gives prepared answers, one after the other, and keeps what it was asked.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread::{self, JoinHandle},
};

/// A service that is being asked.
pub(super) struct Loopback {
    pub(super) url: String,
    thread: JoinHandle<Vec<Request>>,
}

/// What it was asked.
pub(super) struct Request {
    /// Method, path and version.
    pub(super) line: String,
    /// In lower case, as they came.
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

impl Loopback {
    /// Gives these answers, a connection each, and no others.
    pub(super) fn answering(answers: impl IntoIterator<Item = String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<String> = answers.into_iter().collect();
        let thread = thread::spawn(move || answers.iter().map(|answer| serve(&listener, answer)).collect());
        Self { url, thread }
    }

    /// What it was asked; every answer must have been wanted.
    pub(super) fn requests(self) -> Vec<Request> {
        // Where somebody is still waited for, nobody comes any more.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
        self.thread.join().unwrap()
    }
}

fn serve(listener: &TcpListener, answer: &str) -> Request {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    assert!(!lines.is_empty(), "this answer was not asked for: {answer}");
    let line = lines.remove(0);
    let headers: Vec<String> = lines.iter().map(|line| line.to_lowercase()).collect();
    let length =
        headers.iter().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    match answer {
        // Until whoever asks gives up.
        HANGS => drop(thread::spawn(move || reader.read_to_end(&mut Vec::new()))),
        answer => stream.write_all(answer.as_bytes()).unwrap(),
    }
    Request { line, headers, body: String::from_utf8(body).unwrap() }
}

/// No answer, and the end of the connection.
pub(super) const CUT: &str = "";

/// No answer, and no end.
pub(super) const HANGS: &str = "hangs";

/// An answer with this status, more headers and this body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// STS's answer to `AssumeRole`.
pub(super) fn assumed(operation: &str, access_key_id: &str) -> String {
    let body = format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result><Credentials>\
         <AccessKeyId>{access_key_id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
         <SessionToken>token</SessionToken><Expiration>2026-01-02T04:04:05Z</Expiration></Credentials>\
         </{operation}Result></{operation}Response>"
    );
    answer("200 OK", "", &body)
}

/// STS's refusal, dated.
pub(super) fn refused(date: &str, code: &str, message: &str) -> String {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    answer("403 Forbidden", &format!("date: {date}\r\n"), &body)
}
