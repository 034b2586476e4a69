//! What a policy's line looks for in what the driver logs with an XID: a word, or bits of the registers that come with XID 74.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Something that a logged text says or does not say, by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// By what it is remembered that a text said so.
    pub key: Arc<str>,
    /// What a text has to say.
    pub says: Says,
}

/// What a logged text has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// This word: letters and digits that stand alone.
    Word(Arc<str>),
    /// One of these bits is set.
    Bits(Registers),
    /// Another bit than these is set; or it is not known which are: the text has no registers, or the model's are others.
    Beyond(Registers),
}

/// Bits of the registers of an `NVLink`, by the register's number from 1 on, and of which models that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers {
    /// One of these words is in the model's name.
    pub models: BTreeSet<Arc<str>>,
    /// The bits, from 0 on.
    pub bits: BTreeMap<usize, BTreeSet<u32>>,
}

/// How many registers the driver logs.
pub(crate) const REGISTERS: usize = 7;

impl Detail {
    /// What the keys of [`Says::Beyond`] begin with: no word has it.
    pub(crate) const BEYOND: &str = "beyond:";

    /// Whether the text says so, of a GPU of this model.
    pub fn is_in(&self, text: &str, model: &str) -> bool {
        match &self.says {
            Says::Word(word) => has_word(text, word),
            Says::Bits(known) => known.read(text, model).is_some_and(|set| {
                let mut registers = set.into_iter().zip(known.masks());
                registers.any(|(set, mask)| set & mask != 0)
            }),
            Says::Beyond(known) => known.read(text, model).is_none_or(|set| {
                let mut registers = set.into_iter().zip(known.masks());
                registers.any(|(set, mask)| set & !mask != 0)
            }),
        }
    }
}

impl Registers {
    fn read(&self, text: &str, model: &str) -> Option<[u32; REGISTERS]> {
        self.models.iter().any(|word| has_word(model, word)).then(|| registers(text)).flatten()
    }

    fn masks(&self) -> [u32; REGISTERS] {
        let mut masks = [0; REGISTERS];
        for (register, bits) in &self.bits {
            if let Some(mask) = register.checked_sub(1).and_then(|at| masks.get_mut(at)) {
                *mask = bits.iter().fold(0, |mask, bit| mask | 1_u32.checked_shl(*bit).unwrap_or(0));
            }
        }
        masks
    }
}

/// Those in `NVLink: fatal error detected on link 14(0x0, 0x0, 0x10000, 0x0, 0x0, 0x0, 0x0)`.
fn registers(text: &str) -> Option<[u32; REGISTERS]> {
    let (_, rest) = text.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    let mut read = [0; REGISTERS];
    let mut words = inside.split(',');
    for register in &mut read {
        *register = u32::from_str_radix(words.next()?.trim().strip_prefix("0x")?, 16).ok()?;
    }
    words.next().is_none().then_some(read)
}

/// Whether the text has this word, letters and digits that stand alone.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const H100: &str = "NVIDIA H100 80GB HBM3";

    fn known(bits: &[(usize, &[u32])]) -> Registers {
        let bits = bits.iter().map(|(register, bits)| (*register, bits.iter().copied().collect()));
        Registers { models: ["H100".into()].into(), bits: bits.collect() }
    }

    fn holds(says: Says, text: &str, model: &str) -> bool {
        Detail { key: "".into(), says }.is_in(text, model)
    }

    fn logged(registers: [u32; REGISTERS]) -> String {
        let texts: Vec<String> = registers.iter().map(|register| format!("{register:#x}")).collect();
        format!("NVLink: fatal error detected on link 14({})", texts.join(", "))
    }

    #[test]
    fn a_word_stands_alone() {
        let says = |text: &str| holds(Says::Word("Fatal".into()), text, "");
        assert!(says("NETIR_LINK_EVT  Fatal   XC0 i0 Link 08"));
        assert!(!says("NETIR_LINK_EVT  Nonfatal XC0"));
    }

    #[test]
    fn registers_are_read_where_all_are_there() {
        let sound = "NVLink: fatal error detected on link 14(0x0, 0x0, 0x10000, 0x0, 0x0, 0x0, 0xFFFFFFFF)";
        assert_eq!(registers(sound), Some([0, 0, 0x1_0000, 0, 0, 0, u32::MAX]));
        for other in [
            "",
            "NVLink: fatal error detected on link 14",
            "link 14(0x0, 0x0, 0x0, 0x0, 0x0, 0x0)",
            "link 14(0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0)",
            "link 14(0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x100000000)",
            "link 14(0, 0, 0, 0, 0, 0, 0)",
            "link 14(0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0",
        ] {
            assert_eq!(registers(other), None, "{other}");
        }
    }

    #[test]
    fn a_bit_is_looked_for_in_its_register_alone() {
        let bits = || Says::Bits(known(&[(1, &[8, 31]), (3, &[0])]));
        assert!(holds(bits(), &logged([1 << 8 | 1, 0, 0, 0, 0, 0, 0]), H100));
        assert!(holds(bits(), &logged([1 << 31, 0, 0, 0, 0, 0, 0]), H100));
        assert!(holds(bits(), &logged([0, 0, 1, 0, 0, 0, 0]), H100));
        assert!(!holds(bits(), &logged([1, 1 << 8, 2, 1, 1, 1, 1]), H100));
        assert!(!holds(bits(), &logged([1 << 8, 0, 0, 0, 0, 0, 0]), "NVIDIA A100-SXM4-80GB"), "it may mean otherwise");
        assert!(!holds(bits(), "no registers", H100));
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_not() {
        let beyond = || Says::Beyond(known(&[(1, &[0, 23]), (5, &[20])]));
        assert!(!holds(beyond(), &logged([1 | 1 << 23, 0, 0, 0, 1 << 20, 0, 0]), H100));
        assert!(holds(beyond(), &logged([1 | 1 << 22, 0, 0, 0, 1 << 20, 0, 0]), H100));
        assert!(holds(beyond(), &logged([1, 1, 0, 0, 0, 0, 0]), H100), "a register that says nothing else");
        assert!(holds(beyond(), &logged([1, 0, 0, 0, 0, 0, 0]), "Tesla V100-SXM2-32GB"));
        assert!(holds(beyond(), "", H100));
    }
}
