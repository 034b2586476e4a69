//! Where output goes and in which form.
use jiff::tz::TimeZone;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

/// The form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables, for people.
    Table,
    /// JSON, for programs.
    Json,
}

/// Standard output and standard error, or what stands for them in a test.
pub(crate) struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    /// The form of output.
    pub(crate) format: Format,
    /// Whether a person looks at it.
    pub(crate) terminal: bool,
    /// The time zone in which times are shown.
    pub(crate) zone: TimeZone,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Console {
    /// The process's own.
    pub(crate) fn of_process(format: Format) -> Self {
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            format,
            terminal: io::stdout().is_terminal(),
            zone: TimeZone::system(),
        }
    }

    /// One that writes elsewhere, in UTC.
    #[cfg(test)]
    pub(super) fn of(format: Format, out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self { out: Box::new(out), err: Box::new(err), format, terminal: false, zone: TimeZone::UTC }
    }

    /// Writes a line of the answer.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Writes raw bytes of the answer.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Sees to it that everything is written.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes a line beside the answer: what a program that reads the answer must not see.
    pub(super) fn note(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.err, "{line}")?;
        self.err.flush()
    }

    /// Writes one JSON document: laid out for a person on a terminal, else on one line.
    pub(super) fn json(&mut self, document: &Value) -> io::Result<()> {
        let text = if self.terminal { format!("{document:#}") } else { document.to_string() };
        self.line(&text)
    }
}

/// The text with everything escaped that could move the cursor, colour the screen or reorder the line: what is shown was
/// chosen by others.
pub(super) fn clean(text: &str) -> String {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if harmful(c) { cleaned.extend(c.escape_unicode()) } else { cleaned.push(c) }
    }
    cleaned
}
