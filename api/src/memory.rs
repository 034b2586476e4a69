//! What stands in this process's memory: a secret that was used and is over must not.
use std::{
    fs,
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{Mutex, PoisonError},
};
use zeroize::Zeroizing;

/// Longer than what an allocator writes over when it takes a piece back, and no length that other things have.
const LENGTH: usize = 705;
/// So much of its end is looked for.
const TAIL: usize = 48;
const CHUNK: usize = 1 << 20;
/// The smallest piece of memory that is there or not.
const PAGE: u64 = 4096;

/// Who looks holds pieces of all memory, and what others have planted with them.
static LOOKING: Mutex<()> = Mutex::new(());

/// A text that stands nowhere in memory but where it was given to.
pub(crate) struct Planted {
    inverted: Vec<u8>,
}

impl Planted {
    pub(crate) fn new() -> Self {
        let mut inverted = vec![0; LENGTH];
        getrandom::fill(&mut inverted).unwrap();
        for byte in &mut inverted {
            *byte = !(b'a' + *byte % 26);
        }
        Self { inverted }
    }

    /// The text, wiped when it is dropped.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(LENGTH));
        self.inverted.iter().for_each(|byte| text.push(char::from(!*byte)));
        text
    }

    /// Fails if its end stands anywhere.
    #[track_caller]
    pub(crate) fn is_gone(&self) {
        {
            let _held = self.text();
            assert!(self.is_there(), "it would not be found");
        }
        assert!(!self.is_there(), "it was not wiped");
    }

    /// Whether its end stands anywhere.
    pub(crate) fn is_there(&self) -> bool {
        let _alone = LOOKING.lock().unwrap_or_else(PoisonError::into_inner);
        let tail = &self.inverted[LENGTH - TAIL..];
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        maps.lines().filter_map(writable).any(|(mut from, to)| {
            while from < to {
                let wanted = usize::try_from(to - from).unwrap().min(CHUNK);
                // Some of it is a device's, or is gone by now.
                let Ok(read @ 1..) = memory.read_at(&mut chunk[..wanted], from) else {
                    from += PAGE;
                    continue;
                };
                if holds(&chunk[..read], tail) {
                    return true;
                }
                // What begins at the end of this chunk is whole in the next one.
                let looked_at = if read > TAIL { read - TAIL + 1 } else { read };
                from += looked_at as u64;
            }
            false
        })
    }
}

/// A range of memory that this process can write, of a line of `proc/pid/maps` (proc(5)).
fn writable(line: &str) -> Option<(u64, u64)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-').filter(|_| rest.starts_with("rw"))?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some((address(from)?, address(to)?))
}

fn holds(bytes: &[u8], inverted: &[u8]) -> bool {
    let first = !inverted[0];
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        if rest.len() < inverted.len() {
            return false;
        }
        if rest.iter().zip(inverted).all(|(byte, inverted)| *byte == !*inverted) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
