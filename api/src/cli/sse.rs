//! Reading server-sent events (WHATWG HTML, "Server-sent events"), as far as this API uses them.

/// The largest event, in bytes.
const EVENT_MAX: usize = 1 << 20;

/// An event as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// Its `id:`, or the last one before it.
    pub(super) id: Option<String>,
    /// Its `event:`; none for a plain message.
    pub(super) name: Option<String>,
    /// Its `data:` lines.
    pub(super) data: String,
}

/// An event, or a line of one, is larger than any that this API sends.
#[derive(Debug, thiserror::Error)]
#[error("an event is larger than {EVENT_MAX} bytes")]
pub(super) struct TooLarge;

/// Puts events together from the bits of a stream.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    last_id: Option<String>,
    name: Option<String>,
    data: Option<String>,
}

impl Parser {
    /// Takes the next bit, and gives the events that it completes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = vec![];
        for &byte in bytes {
            // A line ends with CR, LF or both; the LF of both ends nothing more.
            let ends = match byte {
                b'\n' => !std::mem::take(&mut self.after_return),
                b'\r' => true,
                _ => false,
            };
            if byte != b'\n' {
                self.after_return = byte == b'\r';
            }
            if ends {
                let line = std::mem::take(&mut self.line);
                events.extend(self.end_line(&String::from_utf8_lossy(&line))?);
            } else if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > EVENT_MAX {
                    return Err(TooLarge);
                }
            }
        }
        Ok(events)
    }

    /// The id that all before it has come with: what to resume behind. A heartbeat may move it without an event.
    pub(super) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    fn end_line(&mut self, line: &str) -> Result<Option<Event>, TooLarge> {
        if line.is_empty() {
            self.last_id.clone_from(&self.id);
            let name = self.name.take();
            return Ok(self.data.take().map(|data| Event { id: self.id.clone(), name, data }));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) if data.len() + value.len() > EVENT_MAX => return Err(TooLarge),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            },
            "id" => self.id = Some(value.to_owned()),
            "event" => self.name = Some(value.to_owned()),
            // A comment keeps the connection alive; `retry` is for browsers; what else comes is to be ignored.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, name: Option<&str>, data: &str) -> Event {
        Event { id: Some(id.to_owned()), name: name.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn events_come_whole_however_the_stream_is_cut() {
        let stream = b": hello\n\nid: 1\ndata: {\"a\":1}\n\nid:2\r\nevent: note\r\ndata: x\r\ndata:y\r\n\r\nretry: 5\n\nid: 3\ndata: cut";
        let expected = [event("1", None, "{\"a\":1}"), event("2", Some("note"), "x\ny")];
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let events: Vec<_> = stream.chunks(size).flat_map(|bit| parser.take(bit).unwrap()).collect();
            assert_eq!(events, expected, "in bits of {size}");
            assert_eq!(parser.last_id(), Some("2"), "an event that was cut off has not come");
        }
    }

    #[test]
    fn a_heartbeat_moves_the_id_and_is_no_event() {
        let mut parser = Parser::default();
        assert_eq!(parser.take(b"id: 7\n: alive\n\n").unwrap(), []);
        assert_eq!(parser.last_id(), Some("7"));
    }

    #[test]
    fn what_never_ends_is_refused() {
        let bit = vec![b'x'; 64 * 1024];
        let mut parser = Parser::default();
        assert!((0..32).any(|_| parser.take(&bit).is_err()));
        let mut parser = Parser::default();
        let line = [b"data: ".as_slice(), bit.as_slice(), b"\n"].concat();
        assert!((0..32).any(|_| parser.take(&line).is_err()));
    }
}
