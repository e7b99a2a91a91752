//! Log lines on standard error, in the Go program's two forms: logfmt and JSON, with `time`, `level`, `msg` and fields.
//!
//! Only what this program itself says is shown below warnings: at their lower levels the HTTP and TLS libraries print
//! heads of requests, and those hold signatures. What kube says is never shown: it repeats itself with every try, and
//! [`crate::sources`] tells each change once.
//!
//! The server's lines go through a bounded queue (the module `lines`): a reader that does not read them delays no answer.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Clock;
use crate::json;
use crate::lines::{LineWriter, Rank, Sink};
use crate::metrics::LineCounts;

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// `time=… level=… msg=… key=value`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is logged, by the names that the Go program's logging library knows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Verbosity {
    /// `panic`, `fatal` and `error`: this program has no louder level than an error.
    Error,
    /// `warning` or `warn`.
    Warning,
    /// `info`.
    #[default]
    Info,
    /// `debug`.
    Debug,
    /// `trace`.
    Trace,
}

/// A text that names no log format or level.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected one of {choices}")]
pub struct UnknownChoice {
    choices: &'static str,
}

impl FromStr for LogFormat {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownChoice { choices: "text, json" }),
        }
    }
}

impl FromStr for Verbosity {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "panic" | "fatal" | "error" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warning),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            "trace" => Ok(Self::Trace),
            _ => Err(UnknownChoice { choices: "panic, fatal, error, warning, info, debug, trace" }),
        }
    }
}

impl Verbosity {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warning => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

/// Starts logging, for the rest of the process.
///
/// When something else has started it already (another server in the same test), that stays.
pub fn install(format: LogFormat, verbosity: Verbosity, clock: Clock) {
    install_on(io::stderr, format, verbosity, clock);
}

/// Likewise, by a thread of its own, so that no line is waited for; what is lost is counted.
///
/// # Errors
/// When there can be no thread.
pub fn install_queued(
    format: LogFormat,
    verbosity: Verbosity,
    clock: Clock,
    counts: LineCounts,
) -> io::Result<LogQueue> {
    let queue = LogQueue(Arc::new(LineWriter::start("log", Stderr, counts)?));
    install_on(queue.clone(), format, verbosity, clock);
    Ok(queue)
}

/// Lines on their way to standard error.
#[derive(Clone, Debug)]
#[must_use = "what it still holds is lost unless it is finished"]
pub struct LogQueue(Arc<LineWriter>);

impl LogQueue {
    /// Writes what it has taken, if that takes no more than two seconds, and takes no more.
    pub fn finish(&self) {
        self.0.finish();
    }
}

/// The name of the events that tell that somebody was let in: when lines are lost, theirs are the last.
pub(crate) const GRANT: &str = "grant";

/// The name of the events that any caller causes as often as it likes: their lines are lost first.
pub(crate) const REFUSAL: &str = "refusal";

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Ranked<'a>;

    fn make_writer(&'a self) -> Ranked<'a> {
        Ranked { queue: &self.0, rank: Rank::Other }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Ranked<'a> {
        let rank = match event.name() {
            GRANT => Rank::Grant,
            REFUSAL => Rank::Refusal,
            _ => Rank::Other,
        };
        Ranked { queue: &self.0, rank }
    }
}

/// Takes one line: the library gives it as a whole.
pub struct Ranked<'a> {
    queue: &'a LineWriter,
    rank: Rank,
}

impl Write for Ranked<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Whether it is the first that is lost, nobody could be told but by another line.
        let _ = self.queue.push(self.rank, line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard error is not buffered.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl Sink for Stderr {
    fn fails(&self, _error: &io::Error) {}

    fn recovers(&self, lost: u64) {
        tracing::warn!(lost, "lines of this log were lost: they could not be written as fast as they came");
    }
}

fn install_on<W>(writer: W, format: LogFormat, verbosity: Verbosity, clock: Clock)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().event_format(Lines { format, clock }).with_writer(writer);
    // Its own complaint about a line that cannot be written goes where that line could not, and panics then.
    let lines = lines.log_internal_errors(false);
    let _ = tracing_subscriber::registry().with(lines).with(targets(verbosity)).try_init();
}

fn targets(verbosity: Verbosity) -> Targets {
    let ours = verbosity.filter();
    Targets::new()
        .with_default(ours.min(LevelFilter::WARN))
        .with_target("authenticator_server", ours)
        .with_target("kube", LevelFilter::OFF)
}

/// Writes events as lines; spans are not used in this program.
struct Lines {
    format: LogFormat,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::new(self.format);
        event.record(&mut fields);
        writeln!(writer, "{}", fields.line(self.clock.now(), *event.metadata().level()))
    }
}

/// What one event says, as it will be written: there is a line for each answer.
struct Fields {
    format: LogFormat,
    message: String,
    rest: String,
}

impl Fields {
    const fn new(format: LogFormat) -> Self {
        Self { format, message: String::new(), rest: String::new() }
    }

    fn text(&mut self, name: &str, text: &str) {
        if name == "message" {
            text.clone_into(&mut self.message);
        } else {
            let text = self.format.text(text);
            self.put(name, &text);
        }
    }

    /// A JSON array: in a text line a text like any other.
    fn list(&mut self, name: &str, array: &str) {
        match self.format {
            LogFormat::Text => self.text(name, array),
            LogFormat::Json => self.put(name, &array),
        }
    }

    fn put(&mut self, name: &str, value: &dyn fmt::Display) {
        // As the Go program's library does with a name that is one of its own.
        let prefix = if matches!(name, "time" | "level" | "msg") { "fields." } else { "" };
        // A string takes all that is written to it.
        let _ = match self.format {
            LogFormat::Text => write!(self.rest, " {prefix}{name}={value}"),
            LogFormat::Json => write!(self.rest, ",\"{prefix}{name}\":{value}"),
        };
    }

    fn line(&self, time: Timestamp, level: Level) -> String {
        let Self { format, message, rest } = self;
        let (level, message) = (level_name(level), format.text(message));
        match format {
            LogFormat::Text => format!("time={time:.0} level={level} msg={message}{rest}"),
            LogFormat::Json => format!(r#"{{"time":"{time:.0}","level":"{level}","msg":{message}{rest}}}"#),
        }
    }
}

impl LogFormat {
    fn text(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Text => quoted(text),
            Self::Json => Cow::Owned(String::from_utf8(json::visible(text)).unwrap_or_default()),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    /// A [`list`]; nothing else is given as bytes.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.list(field.name(), &String::from_utf8_lossy(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &Value::from(value));
    }
}

/// Texts as one field, which is an array where lines are JSON: `groups = list(&groups).as_slice()`.
pub(crate) fn list<T: AsRef<str>>(texts: &[T]) -> Vec<u8> {
    json::visible(&texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

/// Quotes whatever could be taken for another field, another line or a terminal's command: callers choose some texts.
fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'=' | b'\\');
    if !text.is_empty() && text.bytes().all(plain) { Cow::Borrowed(text) } else { Cow::Owned(format!("{text:?}")) }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Timestamp {
        "2026-03-01T12:00:00.75Z".parse().unwrap()
    }

    fn line(format: LogFormat, level: Level, message: &str, rest: &[(&str, Value)]) -> String {
        let mut fields = Fields::new(format);
        for (name, value) in rest {
            match value {
                Value::String(text) => fields.text(name, text),
                other => fields.put(name, other),
            }
        }
        fields.text("message", message);
        fields.line(time(), level)
    }

    #[test]
    fn a_text_line_is_logfmt() {
        let fields = [("address", "127.0.0.1:21362".into()), ("entries", 3.into())];
        let line = line(LogFormat::Text, Level::INFO, "listening", &fields);
        assert_eq!(line, "time=2026-03-01T12:00:00Z level=info msg=listening address=127.0.0.1:21362 entries=3");
    }

    #[test]
    fn a_value_cannot_pass_for_another_field_or_line() {
        for (value, expected) in [
            ("two words", r#"k="two words""#),
            ("", r#"k="""#),
            ("a=b", r#"k="a=b""#),
            ("a\nlevel=error", r#"k="a\nlevel=error""#),
            ("\u{1b}[31m", r#"k="\u{1b}[31m""#),
            (r#"quo"te"#, r#"k="quo\"te""#),
        ] {
            let line = line(LogFormat::Text, Level::INFO, "m", &[("k", value.into())]);
            assert!(line.ends_with(expected), "{line}");
        }
    }

    #[test]
    fn a_list_is_an_array_in_json_and_can_be_read_in_text() {
        let array = list(&["viewers", "a\"b\u{202e}"]);
        let line = |format| {
            let mut fields = Fields::new(format);
            fields.list("groups", std::str::from_utf8(&array).unwrap());
            fields.text("message", "m");
            fields.line(time(), Level::INFO)
        };
        let json: Value = serde_json::from_str(&line(LogFormat::Json)).unwrap();
        assert_eq!(json["groups"], serde_json::json!(["viewers", "a\"b\u{202e}"]));
        let text = line(LogFormat::Text);
        assert!(text.ends_with(r#" groups="[\"viewers\",\"a\\\"b\\u202e\"]""#), "{text}");
    }

    #[test]
    fn what_would_not_be_seen_is_escaped_in_both_forms() {
        for (format, expected) in [
            (LogFormat::Text, r#"k="a\u{202e}\u{7f}\u{9b}\u{2028}""#),
            (LogFormat::Json, r#""k":"a\u202e\u007f\u009b\u2028""#),
        ] {
            let line = line(format, Level::INFO, "m", &[("k", "a\u{202e}\u{7f}\u{9b}\u{2028}".into())]);
            assert!(line.contains(expected), "{line}");
        }
    }

    #[test]
    fn a_json_line_has_the_go_programs_keys() {
        let fields = [("k", "v\n\"".into()), ("n", 3.into()), ("level", true.into()), ("x", f64::NAN.into())];
        let line = line(LogFormat::Json, Level::WARN, "a b", &fields);
        let expected = r#"{"time":"2026-03-01T12:00:00Z","level":"warning","msg":"a b","k":"v\n\"","n":3,"fields.level":true,"x":null}"#;
        assert_eq!(line, expected);
        let document: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(document["k"], "v\n\"");
    }

    #[test]
    fn every_level_name_of_the_go_program_is_known() {
        for (name, verbosity) in [
            ("panic", Verbosity::Error),
            ("fatal", Verbosity::Error),
            ("error", Verbosity::Error),
            ("warning", Verbosity::Warning),
            ("WARN", Verbosity::Warning),
            ("info", Verbosity::Info),
            ("debug", Verbosity::Debug),
            ("trace", Verbosity::Trace),
        ] {
            assert_eq!(name.parse(), Ok(verbosity), "{name}");
        }
        let error = "verbose".parse::<Verbosity>().unwrap_err();
        assert!(error.to_string().starts_with("expected one of panic, fatal, error, warning, "), "{error}");
    }

    #[test]
    fn libraries_are_never_heard_below_a_warning() {
        for verbosity in [Verbosity::Error, Verbosity::Info, Verbosity::Trace] {
            let targets = targets(verbosity);
            for library in ["hyper::proto", "hyper_util::client", "rustls::client", "h2::codec", "tower"] {
                for level in [Level::INFO, Level::DEBUG, Level::TRACE] {
                    assert!(!targets.would_enable(library, &level), "{library} {level} {verbosity:?}");
                }
            }
            assert!(!targets.would_enable("kube_client::client", &Level::ERROR), "{verbosity:?}");
        }
        assert!(targets(Verbosity::Trace).would_enable("authenticator_server::http", &Level::TRACE));
        assert!(!targets(Verbosity::Error).would_enable("hyper::proto", &Level::WARN));
    }
}
